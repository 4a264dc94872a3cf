import Foundation
import Platform
import TestSupport
import Testing

@Suite struct ChildProcessTests {
    /// Far longer than any of these takes at a high load.
    private let patience: Duration = .seconds(60)

    private func run(_ script: String, patience: Duration? = nil, limit: Int = 1 << 20) throws(ProgramFault) -> String {
        let output = try runProgram(
            ["/bin/sh", "-c", script], until: .now + (patience ?? self.patience), outputLimit: limit)
        return String(decoding: output, as: UTF8.self)
    }

    private func fault(_ script: String, patience: Duration? = nil, limit: Int = 1 << 20) -> ProgramFault? {
        do throws(ProgramFault) { _ = try run(script, patience: patience, limit: limit) } catch { return error }
        return nil
    }

    @Test func outputAndNothingElse() throws {
        #expect(try run("echo one; echo two >&2; cat; echo three") == "one\nthree\n")
        #expect(try run("head -c 300000 /dev/zero | tr '\\0' x").count == 300_000)
        #expect(try runProgram(["true"], until: .now + patience, outputLimit: 10) == [])
        #expect(
            try runProgram(["printf", "%s|", "a b", "", "$c"], until: .now + patience, outputLimit: 99)
                == Array("a b||$c|".utf8))
    }

    @Test func howItEnded() {
        #expect(fault("exit 7") == .exited(status: 7))
        #expect(fault("kill -9 $$") == .killed(signal: 9))
        #expect(fault("yes", limit: 1_000) == .wroteTooMuch)
        do throws(ProgramFault) {
            _ = try runProgram(["/nowhere/at/all"], until: .now + patience, outputLimit: 1)
        } catch { #expect(error == .notStarted(.notFound)) }
        #expect("\(ProgramFault.notStarted(.notFound))" == "cannot be started: No such file or directory")
    }

    /// With what it has started: `sleep` is another process than the shell.
    @Test func theDeadlineEndsItsGroup() throws {
        let directory = try TemporaryDirectory()
        let script = "sleep 1000 & echo $! > \(directory.path)/child; wait"
        #expect(fault(script, patience: .seconds(3)) == .tookTooLong)
        if directory.has("child"), let child = Int32(try directory.text("child").dropLast()) {
            #expect(eventually { kill(child, 0) != 0 || isZombie(child) })
        }
        // The first of the group is gone, and what it has left has its output.
        #expect(fault("sleep 1000 & echo $! > \(directory.path)/left", patience: .seconds(3)) == .tookTooLong)
        if directory.has("left"), let left = Int32(try directory.text("left").dropLast()) {
            #expect(eventually { kill(left, 0) != 0 || isZombie(left) })
        }
        // One that closes its output and stays.
        #expect(fault("exec >&-; exec sleep 1000", patience: .milliseconds(300)) == .tookTooLong)
    }

    private func isZombie(_ process: Int32) -> Bool {
        let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        return text.isEmpty || text.split(separator: " ").dropFirst(2).first == "Z"
    }

    /// A child with the agent's signals blocked could not be stopped, and one that ignores SIGPIPE writes for ever.
    @Test func signalsAreAsTheyShouldBe() throws {
        let text = try run("grep -E '^Sig(Blk|Ign)' /proc/self/status")
        let masks = text.split(separator: "\n").compactMap { UInt64($0.split(separator: "\t")[1], radix: 16) }
        #expect(masks.count == 2 && masks[0] == 0 && masks[1] & 1 << 12 == 0, "\(text)")
    }

    @Test func descriptorsStayHere() throws {
        let own = open("/dev/null", O_RDONLY | O_CLOEXEC)
        let high = fcntl(own, F_DUPFD_CLOEXEC, 500)
        defer { for descriptor in [own, high] { close(descriptor) } }
        #expect(high >= 500)
        let open = try run("ls /proc/self/fd").split(separator: "\n").compactMap { Int32($0) }
        #expect(open.count >= 3 && !open.contains(high), "\(open)")
    }
}
