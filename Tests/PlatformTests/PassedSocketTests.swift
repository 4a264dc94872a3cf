import Foundation
import TestSupport
import Testing

@testable import Platform

@Suite struct PassedSocketTests {
    private func passed(_ variables: [String: String]) -> [String] {
        passedDescriptors(environment: { variables[$0] }, processID: 42).map { "\($0.descriptor) \($0.name)" }
    }

    @Test func readsTheVariables() {
        #expect(passed(["LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"]) == ["3 a", "4 b"])
        #expect(passed(["LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a"]) == ["3 a", "4 unknown"])
        #expect(passed(["LISTEN_PID": "42", "LISTEN_FDS": "1"]) == ["3 unknown"])
    }

    @Test(arguments: [
        [:], ["LISTEN_PID": "41", "LISTEN_FDS": "1"], ["LISTEN_FDS": "1"], ["LISTEN_PID": "42"],
        ["LISTEN_PID": "42", "LISTEN_FDS": "0"], ["LISTEN_PID": "42", "LISTEN_FDS": "-1"],
        ["LISTEN_PID": "42", "LISTEN_FDS": "99999999"], ["LISTEN_PID": "x", "LISTEN_FDS": "x"],
    ]) func takesNothingThatIsNotMeant(variables: [String: String]) { #expect(passed(variables) == []) }

    @Test func takesOverAListener() throws {
        let listener = try Socket.listening(at: .ipv4(0x7F00_0001, port: 0))
        let copy = dup(listener.descriptor)
        // As systemd passes it.
        #expect(fcntl(copy, F_SETFL, 0) == 0)
        let passed = try adopt(copy, "metrics")
        #expect(passed.address == listener.localAddress)
        #expect(!passed.socket.isUnix)
        // It does not wait.
        #expect(try passed.socket.accept() == nil)
        #expect(fcntl(copy, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func refusesWhatDoesNotListen() throws {
        let datagrams = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(datagrams) }
        #expect(throws: PassedSocketError.self) { _ = try adopt(datagrams, "x") }
        let file = open("/dev/null", O_RDONLY)
        defer { close(file) }
        #expect(throws: PassedSocketError.self) { _ = try adopt(file, "x") }
    }

    @Test func leavesThePathOfAnother() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let listener = try Socket.listening(at: .unix(path: directory.path + "/a"))
        do {
            let passed = try adopt(dup(listener.descriptor), "a")
            #expect(passed.socket.isUnix && passed.address == .unix(path: directory.path + "/a"))
        }
        #expect(directory.has("a"))
    }
}

@Suite struct SocketAccessTests {
    @Test func setsModeAndGroup() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let path = directory.path + "/a"
        let listener = try Socket.listening(
            at: .unix(path: path), access: SocketAccess(mode: 0o606, groupID: getgid()))
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o606)
        #expect(attributes[.groupOwnerAccountID] as? UInt32 == getgid())
        withExtendedLifetime(listener) {}
    }

    @Test func findsGroups() {
        #expect(groupID(named: "root") == 0)
        #expect(groupID(named: "1234") == 1_234)
        #expect(groupID(named: "no-such-group") == nil)
    }
}
