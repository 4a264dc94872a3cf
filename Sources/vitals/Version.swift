// `vitals version`

internal import Agent
internal import Platform

/// Opened only when a setting asks for them.
private let optionalLibraries = [
    (name: "libsystemd.so.0", purpose: "input journald"), (name: "libcurl.so.4", purpose: "outputs over HTTP"),
    (name: "libssl.so.3", purpose: "endpoint.tls"), (name: "libcrypt.so.1", purpose: "endpoint.users"),
    (name: "liblzma.so.5", purpose: "rotated files of xz"), (name: "libzstd.so.1", purpose: "of zstd"),
    (name: "libbz2.so.1", purpose: "of bzip2"),
]

func version() -> Int32 {
    var text = "vitals \(vitalsVersion)\n"
    for library in optionalLibraries {
        let problem = loadProblem(ofLibrary: library.name)
        text +=
            "\(library.name) (\(library.purpose)): \(problem.map { "cannot be loaded: \($0)" } ?? "can be loaded")\n"
    }
    return show(text)
}
