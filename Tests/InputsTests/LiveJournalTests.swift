// The input behind a journald that is writing, rotating, being vacuumed and killed. The daemon runs in a mount
// namespace of its own, by Tests/EndToEnd/live_journald.py; its files lie in a directory that this process sees.

import Foundation
import Inputs
import Logs
import Platform
import Settings
import TestSupport
import Testing

enum LiveJournald {
    static let script = Repository.path + "/Tests/EndToEnd/live_journald.py"

    static func process(_ command: [String], in directory: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script] + command
        process.environment = ProcessInfo.processInfo.environment.merging(["LIVE_JOURNALD_DIRECTORY": directory]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Root, namespaces and journald are there.
    static let isPossible: Bool = {
        guard geteuid() == 0 else { return false }
        guard let directory = try? TemporaryDirectory(), let probe = try? process(["true"], in: directory.path)
        else { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()
}

@Suite(.serialized, .enabled(if: LiveJournald.isPossible, "needs root, mount namespaces, python3 and systemd-journald"))
struct LiveJournalTests {
    /// Writes `total` numbered messages in bursts, with a rotation after each.
    private func writer(_ total: Int, bursts: Int) -> [String] {
        let script = """
            i=0
            while [ $i -lt \(bursts) ]; do
                seq -f 'live %.0f' $((i * \(total / bursts))) $(((i + 1) * \(total / bursts) - 1)) |
                    logger -u /run/systemd/journal/dev-log -t live
                journalctl --quiet --rotate
                i=$((i + 1))
            done
            journalctl --quiet --sync
            """
        return ["sh", "-c", script]
    }

    private func journalFiles(in directory: String) -> [String] {
        let paths = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix(".journal") }
    }

    /// Follows `directory` until `total` messages came, restarting the input every `restartEvery` records; waits at
    /// the descriptor.
    private func follow(_ directory: String, total: Int, restartEvery: Int = .max) throws -> [Int] {
        var numbers: [Int] = []
        let settings = #"{ "directory": "\#(directory)", "matches": ["SYSLOG_IDENTIFIER=live"] }"#
        var input = try journald(settings)
        var sinceStart = 0
        let deadline = Instant.now + .seconds(180)
        while numbers.count < total, Instant.now < deadline {
            var batch = LogBatch(recordLimit: 100)
            let wait = input.read(into: &batch, at: .now)
            numbers += batch.records.compactMap { Int(batch.text(of: $0).dropFirst("live ".count)) }
            if let last = batch.records.last { input.acknowledge(last.next) }
            sinceStart += batch.records.count
            if sinceStart >= restartEvery {
                input = try journald(settings, resume: try cursor(of: input))
                sinceStart = 0
            } else if case .until = wait {
                // A second at the most: the descriptor of a journal that is not there yet never becomes readable.
                var poller = pollfd(fd: try #require(input.wakeDescriptor), events: Int16(POLLIN), revents: 0)
                _ = poll(&poller, 1, 1_000)
            }
        }
        #expect(count("cursor_lost", of: input) == 0)
        #expect(count("file_corrupt", of: input) == 0)
        return numbers
    }

    @Test(arguments: [Int.max, 700]) func followsThroughRotation(_ restartEvery: Int) throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let total = 6_000
        let daemon = try LiveJournald.process(writer(total, bursts: 6), in: directory.path)
        #expect(eventually { !journalFiles(in: directory.path + "/log").isEmpty })
        // Each in its turn, none lost, none twice.
        #expect(try follow(directory.path + "/log", total: total, restartEvery: restartEvery) == Array(0..<total))
        daemon.waitUntilExit()
        #expect(daemon.terminationStatus == 0)
    }

    /// The journal is rotated and vacuumed while the agent is stopped.
    @Test func goesOnAfterAVacuum() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let log = directory.path + "/log"
        let files = FileManager.default
        func mark(_ name: String) -> String { directory.path + "/" + name }
        let script = """
            say() {
                seq -f 'live %.0f' $1 $2 | logger -u /run/systemd/journal/dev-log -t live
                journalctl --quiet --sync
            }
            await() { while [ ! -e "$1" ]; do sleep 0.02; done; }
            say 0 99; touch \(mark("first")); await \(mark("stopped"))
            say 100 199; journalctl --quiet --rotate; say 200 299; journalctl --quiet --rotate --vacuum-files=1
            say 300 399; touch \(mark("second")); await \(mark("end"))
            """
        let daemon = try LiveJournald.process(["sh", "-c", script], in: directory.path)
        defer {
            _ = files.createFile(atPath: mark("end"), contents: nil)
            daemon.waitUntilExit()
        }
        func isMarked(_ name: String) -> Bool {
            eventually(within: .seconds(30)) { directory.has(name) }
        }
        let settings = #"{ "directory": "\#(log)", "matches": ["SYSLOG_IDENTIFIER=live"] }"#
        try #require(isMarked("first"))
        var input = try journald(settings)
        let first = readAll(&input)
        #expect(first.texts == (0..<100).map { "live \($0)" })
        input.acknowledge(try #require(first.last))
        let place = try cursor(of: input)
        _ = files.createFile(atPath: mark("stopped"), contents: nil)
        try #require(isMarked("second"))

        // What was vacuumed is lost to every reader, and that is said; all that is left comes, and nothing twice.
        var again = try journald(settings, resume: place)
        let rest = readAll(&again).texts
        #expect(count("cursor_lost", of: again) == 1)
        // How many is told by their numbers; journald's own messages are among them.
        let lost = try #require(count("entry_lost", of: again))
        let oldest = try #require(rest.first.flatMap { UInt64($0.dropFirst("live ".count)) })
        #expect((oldest - 100...oldest - 80).contains(lost))
        #expect(rest.last == "live 399")
        let numbers = rest.compactMap { Int($0.dropFirst("live ".count)) }
        #expect(numbers == Array((numbers.first ?? 0)..<400))
        #expect(numbers.count >= 100)
        #expect((numbers.first ?? 0) >= 100)
    }
}
