// Where the fixtures are, and how a fixture becomes a cursor.

import Bytes
import Platform
import TestSupport

enum Fixtures {
    static let hosts = ["composed-x86-8cpu", "debian12-6.18-vm", "old-kernel"]

    /// The bytes of a file of a fixture host; nil when that host has no such file.
    static func bytes(_ host: String, _ path: String) -> [UInt8]? {
        try? readWhole("\(Repository.fixtures)/hosts/\(host)/\(path)")
    }

    struct Missing: Error { let path: String }

    static func cursor(_ host: String, _ path: String) throws -> ByteCursor {
        guard let bytes = bytes(host, path) else { throw Missing(path: "\(host)/\(path)") }
        return ByteCursor(bytes)
    }
}
