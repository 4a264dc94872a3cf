// Tests/Support/receiver.py as a process of the test's own, and certificates for it.

import Foundation

package final class Receiver {
    private let program: PythonProgram
    package let port: Int

    package init(tls files: [String] = []) throws {
        program = try PythonProgram("receiver.py", files.isEmpty ? [] : ["--tls"] + files)
        guard program.words.count == 1, let port = Int(program.words[0]) else {
            throw CocoaError(.executableLoad, userInfo: [NSDebugDescriptionErrorKey: "receiver.py did not start"])
        }
        self.port = port
    }

    deinit { program.terminate() }

    package var url: String { "http://127.0.0.1:\(port)" }
}

/// What `receiver.py` says of a request.
package struct Received: Decodable {
    package let method: String
    package let connection: Int
    package let length: Int
    package let headers: [String: String]
    package let sha256: String
    package let lines: Int

    package init(_ body: String) throws { self = try JSONDecoder().decode(Received.self, from: Data(body.utf8)) }
}

/// An authority, a certificate for 127.0.0.1 and one for a client, all made by openssl(1) and gone afterwards.
package final class Certificates {
    private let directory: TemporaryDirectory

    package init() throws {
        directory = try TemporaryDirectory()
        try authority("ca", name: "Test authority")
        try authority("other", name: "Another authority")
        try certificate("server", "subjectAltName=IP:127.0.0.1")
        try certificate("client", "extendedKeyUsage=clientAuth")
    }

    package subscript(name: String) -> String { "\(directory.path)/\(name).pem" }

    private func authority(_ file: String, name: String) throws {
        try openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout \(file).key.pem "
                + "-out \(file).pem",
            ["-subj", "/CN=\(name)"])
    }

    private func certificate(_ file: String, _ extensions: String) throws {
        try openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(file).key.pem -out \(file).csr",
            ["-subj", "/CN=\(file)"])
        try directory.write("\(file).ext", extensions)
        try openssl(
            "x509 -req -in \(file).csr -CA ca.pem -CAkey ca.key.pem -CAcreateserial -days 2 -extfile \(file).ext "
                + "-out \(file).pem")
    }

    private func openssl(_ words: String, _ more: [String] = []) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + words.split(separator: " ").map(String.init) + more
        process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw CocoaError(.executableLoad, userInfo: [NSDebugDescriptionErrorKey: "openssl \(words) failed"])
        }
    }
}
