// Load artifacts that wasmbuild made, and say what is wrong with the others: the part that is the same in every file that
// `wasmbuild embed --lang csharp` writes, for the package Wasmtime (Wasmtime.NET) and .NET Standard 2.1 or later. What is
// declared follows it; as it lies, an engine has the settings of the C API, and no artifact proves that it has.
//
//     using var engine = ArtifactLoader.Engine();
//     using var module = ArtifactLoader.Load(engine, "checksum.cwasm", null);
//
// Artifacts are machine code: load only those that you trust as much as the program itself.

using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

using Wasmtime;

namespace Wasmbuild
{
    /// <summary>What loading comes to when it fails.</summary>
    public enum LoadStatus
    {
        /// <summary>The file cannot be opened or read.</summary>
        Unreadable,
        /// <summary>Standard WebAssembly where a precompiled artifact is needed.</summary>
        NotPrecompiled,
        /// <summary>A component where a module is needed, or the other way round.</summary>
        OtherKind,
        /// <summary>Precompiled by another major version of Wasmtime.</summary>
        OtherLine,
        /// <summary>Precompiled for another architecture or operating system.</summary>
        OtherPlatform,
        /// <summary>Precompiled for a better CPU than this one.</summary>
        OtherCpu,
        /// <summary>Precompiled for an engine with other settings.</summary>
        OtherSettings,
        /// <summary>Not the bytes that were built.</summary>
        Damaged,
        /// <summary>No WebAssembly of any kind.</summary>
        NoWasm,
        /// <summary>This program may not have what loading takes, such as memory.</summary>
        HostLimit,
    }

    /// <summary>Why an artifact or an engine cannot be used, and what to do.</summary>
    public sealed class LoadException : Exception
    {
        public LoadException(LoadStatus status, string message, Exception cause) : base(message, cause)
        {
            Status = status;
        }

        public LoadStatus Status { get; }
    }

    /// <summary>An engine as declared, and the loader of its artifacts.</summary>
    public static partial class ArtifactLoader
    {
        private const int HeadSize = 52;

        private sealed class Refusal
        {
            public string Said { get; set; }
            public LoadStatus Status { get; set; }
            public string Problem { get; set; }
            public string Fix { get; set; }
        }

        private sealed class Probe
        {
            public string Platform { get; set; }
            public string Target { get; set; }
            public string Artifact { get; set; }
        }

        // Left out where nothing is declared.
        static partial void Configure(Config config);
        static partial void Declare(ref string origin, List<Refusal> refusals, List<Probe> probes);

        private static readonly string Origin = "wasmbuild.toml";
        private static readonly List<Refusal> Refusals = new List<Refusal>();
        private static readonly List<Probe> Probes = new List<Probe>();

        static ArtifactLoader()
        {
            Declare(ref Origin, Refusals, Probes);
        }

        /// <summary>Return a configuration as declared. Whoever makes an engine of it no longer owns it.</summary>
        public static Config Config()
        {
            var config = new Config();
            Configure(config);
            return config;
        }

        /// <summary>Return an engine that is configured as declared and was checked. Throws LoadException.</summary>
        public static Engine Engine()
        {
            var engine = new Engine(Config());
            try
            {
                Check(engine);
            }
            catch
            {
                engine.Dispose();
                throw;
            }
            return engine;
        }

        /// <summary>Check that an engine is configured as declared, by loading an empty module's artifact.</summary>
        public static void Check(Engine engine)
        {
            var probe = Probes.Find(found => found.Platform == Platform());
            if (probe == null)
            {
                throw new LoadException(
                    LoadStatus.OtherPlatform,
                    $"no target of {Origin} is for the platform that this program runs on; declare one, and generate this file " +
                    "again",
                    null);
            }
            using (var compressed = new MemoryStream(Convert.FromBase64String(probe.Artifact)))
            using (var plain = new GZipStream(compressed, CompressionMode.Decompress))
            using (var artifact = new MemoryStream())
            {
                plain.CopyTo(artifact);
                try
                {
                    Module.Deserialize(engine, "empty", artifact.ToArray()).Dispose();
                }
                catch (WasmtimeException error)
                {
                    throw Refused("this program's engine cannot load an empty module", error);
                }
            }
        }

        /// <summary>The first target for this platform, whose artifacts are in the directory of that name; or empty.</summary>
        public static string Target()
        {
            var probe = Probes.Find(found => found.Platform == Platform());
            return probe == null ? "" : probe.Target;
        }

        /// <summary>
        /// Load a precompiled module. With a SHA-256, 64 hexadecimal digits as in manifest.json, its bytes are compared first,
        /// and those very bytes are loaded; without (null) Wasmtime notices an artifact that was cut short, but almost no other
        /// damage. Throws LoadException.
        /// </summary>
        public static Module Load(Engine engine, string path, string sha256)
        {
            byte[] data = Read(path, sha256 != null);
            Look(data, path);
            if (sha256 != null)
            {
                string digest;
                using (var hash = SHA256.Create())
                {
                    digest = BitConverter.ToString(hash.ComputeHash(data)).Replace("-", "").ToLowerInvariant();
                }
                if (digest != sha256.ToLowerInvariant())
                {
                    throw new LoadException(
                        LoadStatus.Damaged,
                        $"{path}: is damaged: its SHA-256 is {digest}, not {sha256}; build it again, or copy it again from where it " +
                        "was built",
                        null);
                }
            }
            try
            {
                var name = Path.GetFileNameWithoutExtension(path);
                return sha256 != null ? Module.Deserialize(engine, name, data) : Module.DeserializeFile(engine, name, path);
            }
            catch (WasmtimeException error)
            {
                throw Refused(path, error);
            }
        }

        // Read a file whole, or as much of it as tells what it is.
        private static byte[] Read(string path, bool whole)
        {
            try
            {
                if (whole)
                {
                    return File.ReadAllBytes(path);
                }
                using (var file = File.OpenRead(path))
                {
                    var head = new byte[HeadSize];
                    int have = 0, got;
                    while (have < HeadSize && (got = file.Read(head, have, HeadSize - have)) > 0)
                    {
                        have += got;
                    }
                    Array.Resize(ref head, have);
                    return head;
                }
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException)
            {
                throw new LoadException(LoadStatus.Unreadable, $"{path}: cannot be read: {error.Message}", error);
            }
        }

        // Find out by its first bytes whether a file is a precompiled module.
        private static void Look(byte[] head, string path)
        {
            if (head.Length == 0)
            {
                throw new LoadException(LoadStatus.Damaged, $"{path}: is empty; build it again, or copy it again", null);
            }
            int first = Array.FindIndex(head, value => value != ' ' && value != '\t' && value != '\r' && value != '\n');
            bool isBinary = StartsWith(head, 0, (byte)'a', (byte)'s', (byte)'m');
            if (isBinary && head.Length >= 8 && head[6] == 1)
            {
                throw new LoadException(LoadStatus.OtherKind, $"{path}: is a component, which Wasmtime.NET does not load", null);
            }
            if (isBinary || (first >= 0 && (head[first] == '(' || head[first] == ';')))
            {
                string what = isBinary ? "standard WebAssembly" : "WebAssembly text";
                string call = isBinary ? "Module.FromFile" : "Module.FromTextFile";
                throw new LoadException(
                    LoadStatus.NotPrecompiled,
                    $"{path}: is {what}, not a precompiled artifact; compile it with {call}, or precompile it with wasmbuild and " +
                    "load what that writes",
                    null);
            }
            if (!StartsWith(head, 0x7f, (byte)'E', (byte)'L', (byte)'F') || head.Length < 8 || head[7] != 200)
            {
                throw new LoadException(
                    LoadStatus.NoWasm,
                    $"{path}: is neither a precompiled artifact nor WebAssembly; pass a .cwasm that wasmbuild wrote",
                    null);
            }
            if (head.Length < HeadSize)
            {
                throw new LoadException(
                    LoadStatus.Damaged,
                    $"{path}: is damaged: it has {head.Length} bytes only; build it again, or copy it again",
                    null);
            }
            // e_flags, whose first byte is the least significant one but on big-endian machines.
            if ((head[head[5] == 2 ? 51 : 48] & 2) != 0)
            {
                throw new LoadException(
                    LoadStatus.OtherKind, $"{path}: is a precompiled component, which Wasmtime.NET does not load", null);
            }
        }

        private static bool StartsWith(byte[] data, params byte[] start)
        {
            for (int at = 0; at < start.Length; at++)
            {
                if (at >= data.Length || data[at] != start[at])
                {
                    return false;
                }
            }
            return true;
        }

        private static string Platform()
        {
            string system = RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? "windows"
                : RuntimeInformation.IsOSPlatform(OSPlatform.OSX) ? "macos"
                : RuntimeInformation.IsOSPlatform(OSPlatform.Create("ANDROID")) ? "android"
                : RuntimeInformation.IsOSPlatform(OSPlatform.Linux) ? "linux" : "";
            return $"{system}/{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        }

        // Say what an error of Wasmtime means.
        private static LoadException Refused(string what, WasmtimeException error)
        {
            string said = Regex.Split(error.Message, "Stack backtrace:")[0];
            string cause = Regex.Replace(said, @"\s+", " ").Trim();
            int at = cause.LastIndexOf("Caused by: ", StringComparison.Ordinal);
            cause = at < 0 ? cause : cause.Substring(at + "Caused by: ".Length);
            // Several causes are numbered; the last one says what is wrong.
            string[] parts = Regex.Split(cause, @"(?:^| )\d+: ");
            cause = parts[parts.Length - 1];
            var known = Refusals.Find(refusal => cause.Contains(refusal.Said));
            return known != null
                ? new LoadException(known.Status, $"{what}: {known.Problem} ({cause}); {known.Fix}", error)
                : new LoadException(
                    LoadStatus.Damaged,
                    $"{what}: is damaged, cut short for example ({cause}); build it again, or copy it again from where it was built",
                    error);
        }
    }
}
