import Foundation
import TestSupport
import Testing

@testable import Platform

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1:9100", "127.0.0.1:9100"), ("[::1]:9100", "[::1]:9100"), ("[::]:9100", ":9100"), (":9100", ":9100"),
        ("localhost:80", "127.0.0.1:80"), ("0.0.0.0:0", "0.0.0.0:0"), ("unix:/run/a.sock", "unix:/run/a.sock"),
        ("[2001:DB8:0:0::1]:1", "[2001:db8::1]:1"),
    ]) func reads(text: String, written: String) throws {
        #expect(try SocketAddress(text).description == written)
    }

    @Test(arguments: [
        ("9100", "expected host:port"), ("127.0.0.1", "expected host:port"), ("127.0.0.1:", "a port"),
        ("127.0.0.1:65536", "a port"), ("127.0.0.1:-1", "a port"), ("127.0.0.1:+1", "a port"), ("::1:9100", "brackets"),
        ("[::g]:1", "IPv6"),
        ("example.org:80", "not resolved"), ("256.0.0.1:80", "not resolved"), ("unix:relative", "absolute"),
        ("unix:/" + String(repeating: "a", count: 107), "107"), ("", "expected host:port"),
    ]) func rejects(text: String, reason: String) {
        do throws(SocketAddressError) {
            let address = try SocketAddress(text)
            Issue.record("\(text) was taken for \(address)")
        } catch {
            #expect(error.description.contains(reason), "\(error)")
            #expect(error.text == text)
        }
    }
}

@Suite struct SocketTests {
    private func soon() -> Instant { .now + .seconds(5) }

    private func exchange(with listener: Socket, at address: SocketAddress) throws {
        let client = try Socket.connecting(to: address, until: soon())
        try listener.wait(for: .reading, until: soon())
        let server = try #require(try listener.accept())
        #expect(try listener.accept() == nil)
        #expect(try client.write(Array("ab".utf8), Array("cdef".utf8), from: 1) == 5)
        try server.wait(for: .reading, until: soon())
        var buffer = [UInt8](repeating: 0, count: 64)
        #expect(try server.read(into: &buffer) == 5)
        #expect(buffer.starts(with: Array("bcdef".utf8)))
        #expect(throws: Errno.wouldBlock) { _ = try server.read(into: &buffer) }
        client.finishWriting()
        try server.wait(for: .reading, until: soon())
        #expect(try server.read(into: &buffer) == 0)
        #expect(try server.write(Array("x".utf8)) == 1)
        try client.wait(for: .reading, until: soon())
        #expect(try client.read(into: &buffer) == 1)
    }

    @Test(arguments: ["127.0.0.1:0", ":0", "[::1]:0"]) func carriesBytes(text: String) throws {
        let asked = try SocketAddress(text)
        let listener = try Socket.listening(at: asked)
        let address = listener.address(asked: asked)
        #expect(address != asked)
        try exchange(with: listener, at: address)
        #expect(throws: Errno.addressInUse) { _ = try Socket.listening(at: address) }
    }

    @Test func takesBothFamiliesWhenAsked() throws {
        let listener = try Socket.listening(at: .all(port: 0))
        guard case .all(let port) = listener.address(asked: .all(port: 0)) else {
            Issue.record("another kind of address")
            return
        }
        try exchange(with: listener, at: .ipv4(0x7F00_0001, port: port))
        try exchange(with: listener, at: try SocketAddress("[::1]:\(port)"))
    }

    @Test func listensAtAPath() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let path = directory.path + "/a.sock"
        let address = SocketAddress.unix(path: path)
        do {
            let listener = try Socket.listening(at: address)
            try exchange(with: listener, at: address)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o660)
            // Somebody answers there.
            #expect(throws: Errno.addressInUse) { _ = try Socket.listening(at: address) }
            #expect(FileManager.default.fileExists(atPath: path))
            // What a killed agent leaves behind: a path that nobody has open.
            #expect(link(path, path + ".left") == 0)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(rename(path + ".left", path) == 0)
        let again = try Socket.listening(at: address)
        try exchange(with: again, at: address)
        again.removePath()
        #expect(!FileManager.default.fileExists(atPath: path))
        // A file that is no socket is not ours to remove.
        try Data("text".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: Errno.alreadyThere) { _ = try Socket.listening(at: address) }
        #expect(FileManager.default.fileExists(atPath: path))
    }

    /// What stands at the path is looked at before it is removed: it may be another program's by then.
    @Test func knowsWhetherItsPathIsItsOwn() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/sub/a.sock"
        try FileManager.default.createDirectory(atPath: directory.path + "/sub", withIntermediateDirectories: false)
        let listener = try Socket.listening(at: .unix(path: path))
        #expect(listener.pathFinding == .own)
        #expect(rename(path, path + ".moved") == 0)
        #expect(listener.pathFinding == .gone)
        // Another's socket, though it may get the number of an inode that was free.
        let other = try Socket.listening(at: .unix(path: path))
        #expect(listener.pathFinding == .replaced && other.pathFinding == .own)
        listener.removePath()
        #expect(other.pathFinding == .own)
        #expect(rename(directory.path + "/sub", directory.path + "/away") == 0)
        #expect(other.pathFinding == .gone)
        try Data().write(to: URL(fileURLWithPath: directory.path + "/sub"))
        #expect(other.pathFinding == .gone)
        #expect(try Socket.listening(at: .ipv4(0x7F00_0001, port: 0)).pathFinding == .own)
        withExtendedLifetime((listener, other)) {}
    }

    @Test func saysWhyItCannotConnect() throws {
        let listener = try Socket.listening(at: .ipv4(0x7F00_0001, port: 0))
        let address = listener.address(asked: .ipv4(0x7F00_0001, port: 0))
        let client = try Socket.connecting(to: address, until: soon())
        #expect(throws: Errno(code: ETIMEDOUT)) { try client.wait(for: .reading, until: .now + .milliseconds(5)) }
        let unused = try Socket.listening(at: .ipv4(0x7F00_0001, port: 0)).address(asked: .ipv4(0x7F00_0001, port: 0))
        #expect(throws: Errno(code: ECONNREFUSED)) { _ = try Socket.connecting(to: unused, until: soon()) }
        #expect(throws: Errno.notFound) { _ = try Socket.connecting(to: .unix(path: "/nowhere/x"), until: soon()) }
    }
}
