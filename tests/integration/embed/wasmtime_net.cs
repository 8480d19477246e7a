// The part of the API of Wasmtime.NET that generated files use, as bytecodealliance/wasmtime-dotnet declares it at 34.0.1,
// so that they can be compiled and run where that package is not to be had. Nothing here runs WebAssembly.

using System;

namespace Wasmtime
{
    public enum CompilerStrategy : byte { Auto, Cranelift }
    public enum OptimizationLevel : byte { None, Speed, SpeedAndSize }
    public enum ProfilingStrategy : byte { None, JitDump, VTune, PerfMap }
    public class WasmtimeException : Exception
    {
        public WasmtimeException(string message) : base(message) { }
    }

    public class Config : IDisposable
    {
        public void Dispose() { }
        public Config WithDebugInfo(bool enable) { return this; }
        public Config WithEpochInterruption(bool enable) { return this; }
        public Config WithFuelConsumption(bool enable) { return this; }
        public Config WithMaximumStackSize(int size) { return this; }
        public Config WithWasmThreads(bool enable) { return this; }
        public Config WithReferenceTypes(bool enable) { return this; }
        public Config WithSIMD(bool enable) { return this; }
        public Config WithRelaxedSIMD(bool enable, bool deterministic) { return this; }
        public Config WithBulkMemory(bool enable) { return this; }
        public Config WithMultiValue(bool enable) { return this; }
        public Config WithMultiMemory(bool enable) { return this; }
        public Config WithMemory64(bool enable) { return this; }
        public Config WithCompilerStrategy(CompilerStrategy strategy) { return this; }
        public Config WithCraneliftDebugVerifier(bool enable) { return this; }
        public Config WithCraneliftNaNCanonicalization(bool enable) { return this; }
        public Config WithOptimizationLevel(OptimizationLevel level) { return this; }
        public Config WithProfilingStrategy(ProfilingStrategy strategy) { return this; }
        public Config WithStaticMemoryMaximumSize(ulong size) { return this; }
        public Config WithMemoryGuardSize(ulong size) { return this; }
        public Config WithCacheConfig(string path) { return this; }
    }

    public class Engine : IDisposable
    {
        public Engine(Config config) { }
        public void Dispose() { }
    }

    public class Module : IDisposable
    {
        public void Dispose() { }

        public static Module Deserialize(Engine engine, string name, byte[] bytes)
        {
            if (name != "empty" && name != "right")
            {
                throw new WasmtimeException(
                    "failed\n\nCaused by:\n    0: x\n    1: Module was compiled for architecture 's390x'\n\nStack backtrace:\n   0: y");
            }
            return new Module();
        }

        public static Module DeserializeFile(Engine engine, string name, string path)
        {
            throw new WasmtimeException("Module was compiled with incompatible version '47'");
        }
    }
}
