// What this module needs of the world, passed in, so that a test can be it.

package import HTTP
package import Platform

package struct AWSWorld: Sendable {
    package var variable: @Sendable (String) -> String?
    package var readFile: @Sendable (String) throws(Errno) -> [UInt8]
    package var now: @Sendable () -> Moment
    /// From 0 up to 1, so that many hosts do not ask at the same moment.
    package var jitter: @Sendable () -> Double
    /// Connects to nothing yet.
    package var connect: @Sendable (HTTPClientOptions) throws(TransportError) -> any HTTPTransport
    /// The standard output of a program.
    package var run: @Sendable ([String], Duration) throws(ProgramFault) -> [UInt8]

    package init(
        variable: @escaping @Sendable (String) -> String?,
        readFile: @escaping @Sendable (String) throws(Errno) -> [UInt8],
        now: @escaping @Sendable () -> Moment,
        jitter: @escaping @Sendable () -> Double,
        connect: @escaping @Sendable (HTTPClientOptions) throws(TransportError) -> any HTTPTransport,
        run: @escaping @Sendable ([String], Duration) throws(ProgramFault) -> [UInt8]
    ) {
        self.variable = variable
        self.readFile = readFile
        self.now = now
        self.jitter = jitter
        self.connect = connect
        self.run = run
    }

    package static let live = AWSWorld(
        variable: { environmentVariable($0) },
        readFile: { path throws(Errno) in try readWhole(path) },
        now: { .now },
        jitter: { .random(in: 0..<1) },
        connect: { options throws(TransportError) in try HTTPClient(options) },
        run: { arguments, patience throws(ProgramFault) in
            try runProgram(arguments, until: .now + patience, outputLimit: 64 << 10)
        })

    /// A variable that is set to nothing is taken for one that is not set, as AWS's own clients do.
    func setting(_ name: String) -> String? { variable(name).flatMap { $0.isEmpty ? nil : $0 } }

    func flag(_ name: String) -> Bool { setting(name).map(isTrue) ?? false }
}

/// As in `AWS_EC2_METADATA_DISABLED=true`.
func isTrue(_ text: String) -> Bool { text.lowercased() == "true" }
