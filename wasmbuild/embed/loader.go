// Package engine loads artifacts that wasmbuild made, and says what is wrong with the others: the part that is the same in
// every file that `wasmbuild embed --lang go` writes. What is declared follows it; as it lies, an engine has the settings
// of the C API, and no artifact proves that it has.
//
//	made, err := engine.New()
//	module, err := engine.Load(made, "checksum.cwasm", "")
//
// Artifacts are machine code: load only those that you trust as much as the program itself.
package engine

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/bytecodealliance/wasmtime-go/v39"
)

// Status is what loading comes to when it fails.
type Status string

const (
	Unreadable     Status = "unreadable"      // The file cannot be opened or read.
	NotPrecompiled Status = "not_precompiled" // Standard WebAssembly where a precompiled artifact is needed.
	OtherKind      Status = "other_kind"      // A component where a module is needed, or the other way round.
	OtherLine      Status = "other_line"      // Precompiled by another major version of Wasmtime.
	OtherPlatform  Status = "other_platform"  // Precompiled for another architecture or operating system.
	OtherCPU       Status = "other_cpu"       // Precompiled for a better CPU than this one.
	OtherSettings  Status = "other_settings"  // Precompiled for an engine with other settings.
	Damaged        Status = "damaged"         // Not the bytes that were built.
	NoWasm         Status = "no_wasm"         // No WebAssembly of any kind.
	HostLimit      Status = "host_limit"      // This program may not have what loading takes, such as memory.
)

// LoadError says why an artifact or an engine cannot be used, and what to do.
type LoadError struct {
	Status  Status
	message string
}

func (e *LoadError) Error() string { return e.message }

func failed(status Status, format string, arguments ...any) *LoadError {
	return &LoadError{status, fmt.Sprintf(format, arguments...)}
}

// A part of Wasmtime's message, what it means, the problem and what to do; what fits none is damage.
type refusal struct {
	said         string
	status       Status
	problem, fix string
}

// The first target of a platform, and the artifact of an empty module.
type probe struct{ target, artifact string }

var declared = struct {
	origin    string
	pulley    string
	configure func(*wasmtime.Config) error
	refusals  []refusal
	probes    map[string]probe
}{origin: "wasmbuild.toml", configure: func(*wasmtime.Config) error { return nil }}

// Config returns a configuration as declared.
func Config() (*wasmtime.Config, error) {
	config := wasmtime.NewConfig()
	if err := declared.configure(config); err != nil {
		return nil, failed(OtherSettings, "Wasmtime makes no engine with these settings: %v", err)
	}
	return config, nil
}

// New returns an engine that is configured as declared and was checked.
func New() (*wasmtime.Engine, error) {
	config, err := Config()
	if err != nil {
		return nil, err
	}
	engine := wasmtime.NewEngineWithConfig(config)
	if err := Check(engine); err != nil {
		return nil, err
	}
	return engine, nil
}

// Check finds out whether an engine is configured as declared, by loading the artifact of an empty module into it.
func Check(engine *wasmtime.Engine) error {
	found, ok := declared.probes[platform()]
	if !ok {
		return failed(OtherPlatform,
			"no target of %s is for the platform that this program was built for; declare one, and generate this file again",
			declared.origin)
	}
	compressed, err := base64.StdEncoding.DecodeString(found.artifact)
	if err != nil {
		return failed(Damaged, "this file was changed: %v; generate it again", err)
	}
	reader, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return failed(Damaged, "this file was changed: %v; generate it again", err)
	}
	artifact, err := io.ReadAll(reader)
	if err != nil {
		return failed(Damaged, "this file was changed: %v; generate it again", err)
	}
	if _, err := wasmtime.NewModuleDeserialize(engine, artifact); err != nil {
		return refused("this program's engine cannot load an empty module", err)
	}
	return nil
}

// Target returns the first target for this platform, whose artifacts are in the directory of that name; or nothing.
func Target() string { return declared.probes[platform()].target }

// Load loads a precompiled module.
//
// With sha256, 64 hexadecimal digits as in manifest.json, its bytes are compared first, and those very bytes are loaded;
// without ("") Wasmtime notices an artifact that was cut short, but almost no other damage.
func Load(engine *wasmtime.Engine, path, sha256 string) (*wasmtime.Module, error) {
	data, err := look(path, sha256)
	if err != nil {
		return nil, err
	}
	var module *wasmtime.Module
	if data != nil {
		module, err = wasmtime.NewModuleDeserialize(engine, data)
	} else {
		module, err = wasmtime.NewModuleDeserializeFile(engine, path)
	}
	if err != nil {
		return nil, refused(path, err)
	}
	return module, nil
}

// How many bytes tell what a file is.
const headSize = 52

// Find out whether a file can be loaded; return its bytes where they were compared, and where Wasmtime itself cannot
// open it: it opens no path that is not UTF-8.
func look(path, wanted string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, failed(Unreadable, "%s: cannot be opened: %v", path, err)
	}
	defer file.Close()
	mapped := wanted == "" && utf8.ValidString(path)
	var reader io.Reader = file
	if mapped {
		reader = io.LimitReader(file, headSize)
	}
	data, err := io.ReadAll(reader)
	if err != nil {
		return nil, failed(Unreadable, "%s: cannot be read: %v", path, err)
	}
	head := data
	if len(head) > headSize {
		head = head[:headSize]
	}
	if err := kind(head, path); err != nil {
		return nil, err
	}
	if mapped {
		return nil, nil
	}
	digest := sha256.Sum256(data)
	if found := hex.EncodeToString(digest[:]); wanted != "" && found != strings.ToLower(wanted) {
		return nil, failed(Damaged,
			"%s: is damaged: its SHA-256 is %s, not %s; build it again, or copy it again from where it was built",
			path, found, wanted)
	}
	return data, nil
}

// Find out by its first bytes whether a file is a precompiled module.
func kind(head []byte, path string) error {
	if len(head) == 0 {
		return failed(Damaged, "%s: is empty; build it again, or copy it again", path)
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	isBinary := bytes.HasPrefix(head, []byte("\x00asm"))
	if isBinary && len(head) >= 8 && head[6] == 1 {
		return failed(OtherKind, "%s: is a component, which this wasmtime-go does not load", path)
	}
	if isBinary || bytes.HasPrefix(text, []byte("(")) || bytes.HasPrefix(text, []byte(";")) {
		what, call := "standard WebAssembly", "NewModuleFromFile"
		if !isBinary {
			what, call = "WebAssembly text", "Wat2Wasm"
		}
		return failed(NotPrecompiled, "%s: is %s, not a precompiled artifact; compile it with wasmtime.%s, or precompile it "+
			"with wasmbuild and load what that writes", path, what, call)
	}
	if len(head) < 8 || !bytes.HasPrefix(head, []byte("\x7fELF")) || head[7] != 200 {
		return failed(NoWasm, "%s: is neither a precompiled artifact nor WebAssembly; pass a .cwasm that wasmbuild wrote", path)
	}
	if len(head) < headSize {
		return failed(Damaged, "%s: is damaged: it has %d bytes only; build it again, or copy it again", path, len(head))
	}
	// e_flags, whose first byte is the least significant one but on big-endian machines.
	flags := head[48]
	if head[5] == 2 {
		flags = head[51]
	}
	if flags&2 != 0 {
		return failed(OtherKind, "%s: is a precompiled component, which this wasmtime-go does not load", path)
	}
	return nil
}

func platform() string {
	if declared.pulley != "" {
		return declared.pulley
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

var (
	blanks   = regexp.MustCompile(`\s+`)
	numbered = regexp.MustCompile(`(?:^| )\d+: `)
)

// Say what an error of Wasmtime means.
func refused(what string, err error) *LoadError {
	said, _, _ := strings.Cut(err.Error(), "Stack backtrace:")
	cause := strings.TrimSpace(blanks.ReplaceAllString(said, " "))
	if at := strings.LastIndex(cause, "Caused by: "); at >= 0 {
		cause = cause[at+len("Caused by: "):]
	}
	// Several causes are numbered; the last one says what is wrong.
	parts := numbered.Split(cause, -1)
	cause = parts[len(parts)-1]
	for _, known := range declared.refusals {
		if strings.Contains(cause, known.said) {
			return failed(known.status, "%s: %s (%s); %s", what, known.problem, cause, known.fix)
		}
	}
	return failed(Damaged, "%s: is damaged, cut short for example (%s); build it again, or copy it again from where it was built",
		what, cause)
}
