// A real datagram socket in the place of the service manager's.

import Agent
import Foundation
import Platform
import Synchronization
import TestSupport
import Testing

/// Receives what is sent to `name`, which may be abstract.
private final class Receiver {
    let descriptor: Int32

    init(_ name: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(name.utf8)
        if path.first == UInt8(ascii: "@") { path[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(2 + path.count + (path[0] == 0 ? 0 : 1))
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(bound == 0)
    }

    deinit { close(descriptor) }

    /// nil when nothing was sent: a datagram to a Unix socket is there when `sendto` returns.
    func next() -> String? {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
    }
}

@Suite struct ServiceNotifierTests {
    private func notifier(_ environment: [String: String], log: AgentLog = .silent) -> ServiceNotifier {
        ServiceNotifier(environment: { environment[$0] }, processID: 77, log: log)
    }

    @Test func tellsTheManagerByAbstractSocketAndByFile() throws {
        let directory = try TemporaryDirectory()
        for name in ["@vitals-test-\(UUID().uuidString)", "\(directory.path)/notify"] {
            let receiver = try Receiver(name)
            let notifier = notifier(["NOTIFY_SOCKET": name])
            notifier.ready(status: "2 routes\nall well")
            #expect(receiver.next() == "READY=1\nSTATUS=2 routes all well\n")
            notifier.watchdog()
            #expect(receiver.next() == "WATCHDOG=1\n")
            notifier.stopping(status: "draining")
            #expect(receiver.next() == "STOPPING=1\nSTATUS=draining\n")
            #expect(receiver.next() == nil)
        }
    }

    @Test func watchdogIsHalfOfWhatIsAskedAndOnlyForUs() {
        let name = ["NOTIFY_SOCKET": "@x"]
        func interval(_ more: [String: String]) -> Duration? {
            notifier(name.merging(more) { $1 }).watchdogInterval
        }
        #expect(interval(["WATCHDOG_USEC": "60000000"]) == .seconds(30))
        #expect(interval(["WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "77"]) == .seconds(30))
        #expect(interval(["WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "78"]) == nil)
        #expect(interval(["WATCHDOG_USEC": "0"]) == nil)
        #expect(interval(["WATCHDOG_USEC": "x"]) == nil)
        #expect(interval([:]) == nil)
        #expect(notifier(["WATCHDOG_USEC": "60000000"]).watchdogInterval == nil)
    }

    @Test func aSocketThatIsNotThereIsLoggedAndNoMore() {
        let lines = Mutex<[String]>([])
        let log = AgentLog(level: .info, underSystemd: false) { line in
            lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        }
        notifier(["NOTIFY_SOCKET": "/nonexistent/notify"], log: log).ready(status: "")
        notifier(["NOTIFY_SOCKET": "vsock:1:2"], log: log).ready(status: "")
        notifier([:], log: log).ready(status: "")
        let found = lines.withLock { $0 }
        #expect(found.count == 2)
        #expect(found.first?.contains("No such file or directory") == true)
        #expect(found.last?.contains("not understood") == true)
    }

    @Test func whoHangsIsNamed() {
        let now = Instant(nanoseconds: 100_000_000_000)
        let progress = [(name: "a", since: now), (name: "b", since: Instant(nanoseconds: 1))]
        #expect(hanging(progress, patience: .seconds(30), at: now) == ["b"])
        #expect(hanging(progress, patience: .seconds(101), at: now).isEmpty)
        #expect(hanging([], patience: .zero, at: now).isEmpty)
    }
}

@Suite struct LockFileTests {
    @Test func twoDoNotHoldTheSame() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/lock"
        var first: LockFile? = try LockFile(path)
        #expect(throws: LockError.held(byProcess: Int(getpid()))) { try LockFile(path) }
        withExtendedLifetime(first) {}
        first = nil
        #expect(throws: Never.self) { try LockFile(path) }
    }

    /// Another test may start a program just now, and its child has all descriptors until it is that program.
    @Test func aCopyOfTheDescriptorDoesNotKeepIt() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/lock"
        var first: LockFile? = try LockFile(path)
        let copies = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
            .filter { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path }
            .map { dup($0) }
        defer { for copy in copies { close(copy) } }
        #expect(copies.count == 1)
        withExtendedLifetime(first) {}
        first = nil
        #expect(throws: Never.self) { try LockFile(path) }
    }

    @Test func aDirectoryThatIsNotThere() {
        #expect(throws: LockError.unusable(.notFound)) { try LockFile("/nonexistent/lock") }
    }
}
