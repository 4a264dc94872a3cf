// The libraries that inflate, opened with dlopen(3) when the first file that needs one is met: hardly any host has
// logs in all of these forms, and a host that lacks a library can do without it.

internal import Glibc
internal import Synchronization

/// Why a file in a known form cannot be read.
package enum CompressionRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    case noLibrary(CompressionForm, reason: String)
    case tooLarge

    package var description: String {
        switch self {
        case .noLibrary(let form, let reason):
            "it is compressed with \(form.rawValue), and the library for that cannot be opened (\(reason)): install "
                + "the package \(Inflaters.package(for: form)), then start vitals again"
        case .tooLarge:
            "to read it takes more than \(Inflaters.memoryLimit >> 20) MiB of memory, so it is left out: compress with "
                + "a smaller dictionary (xz) or window (zstd)"
        }
    }
}

/// Makes an inflater for each form. Of a library it remembers whether it could be opened.
package final class Inflaters: Sendable {
    package static let shared = Inflaters { name in open(name) }

    /// For the dictionary of one file: `xz -9` needs 65 MiB, `zstd -19` 8 MiB, `zstd --long=26` 64 MiB. A file may
    /// ask for gigabytes.
    package static let memoryLimit = 80 << 20
    /// The window of zstd that is within it, as a power of two.
    static let zstdWindowLog: Int32 = 26

    /// Passed in, so that a test can say that there is none. A name that begins with a slash is a path.
    package typealias Open = @Sendable (_ name: String) -> Library

    package enum Library: Sendable {
        /// The handle, as a number.
        case opened(Int)
        case missing(reason: String)
    }

    private enum Calls: Sendable {
        case xz(XzCalls)
        case zstd(ZstdCalls)
        case bzip2(Bzip2Calls)
        case missing(reason: String)
    }

    /// Text that was inflated, of all files: what looks at a file more often than is needed shows there.
    package var producedByteCount: UInt64 { produced.load(ordering: .relaxed) }

    package func note(produced count: Int) { produced.add(UInt64(count), ordering: .relaxed) }

    private let openLibrary: Open
    private let produced = Atomic<UInt64>(0)
    private let found = Mutex<[CompressionForm: Calls]>([:])

    package init(open: @escaping Open) { openLibrary = open }

    package static func open(_ name: String) -> Library {
        // Never closed: what it makes lives as long as files are read.
        if let handle = unsafe dlopen(name, RTLD_NOW | RTLD_LOCAL) { return .opened(Int(bitPattern: handle)) }
        return .missing(reason: unsafe dlerror().map { unsafe String(cString: $0) } ?? "dlopen gave no reason")
    }

    package func inflater(for form: CompressionForm) throws(CompressionRefusal) -> any Inflater {
        if form == .gzip { return GzipMember() }
        let calls = found.withLock { found in
            let calls = found[form] ?? find(form)
            found[form] = calls
            return calls
        }
        switch calls {
        case .xz(let calls): return XzStream(calls)
        case .zstd(let calls): return ZstdFrames(calls)
        case .bzip2(let calls): return Bzip2Stream(calls)
        case .missing(let reason): throw .noLibrary(form, reason: reason)
        }
    }

    /// The names under which distributions have the library.
    static func libraries(for form: CompressionForm) -> [String] {
        switch form {
        case .gzip: []
        case .xz: ["liblzma.so.5"]
        case .zstd: ["libzstd.so.1"]
        // The second is Debian's own.
        case .bzip2: ["libbz2.so.1", "libbz2.so.1.0"]
        }
    }

    /// Debian's name.
    static func package(for form: CompressionForm) -> String {
        switch form {
        case .gzip: "zlib1g"
        case .xz: "liblzma5"
        case .zstd: "libzstd1"
        case .bzip2: "libbz2-1.0"
        }
    }

    private func find(_ form: CompressionForm) -> Calls {
        var reasons: [String] = []
        for name in Self.libraries(for: form) {
            switch openLibrary(name) {
            case .missing(let reason): reasons.append(reason)
            case .opened(let handle):
                let symbols = Symbols(handle: handle)
                let calls: Calls? =
                    switch form {
                    case .gzip: nil
                    case .xz: XzCalls(symbols).map { .xz($0) }
                    case .zstd: ZstdCalls(symbols).map { .zstd($0) }
                    case .bzip2: Bzip2Calls(symbols).map { .bzip2($0) }
                    }
                if let calls { return calls }
                reasons.append("\(name) lacks a function that is needed: it is too old")
            }
        }
        return .missing(reason: reasons.joined(separator: "; "))
    }
}

/// The functions of an open library.
struct Symbols {
    let handle: Int

    /// `Call` is the C type that the header of the library gives it.
    func find<Call>(_ name: String, _ type: Call.Type) -> Call? {
        guard let symbol = unsafe dlsym(UnsafeMutableRawPointer(bitPattern: handle), name) else { return nil }
        return unsafe unsafeBitCast(symbol, to: type)
    }
}
