// A program whose output is wanted: started, read, and gone by a deadline. See posix_spawn(3), waitpid(2).

internal import Bytes
internal import Glibc
internal import Synchronization

package enum ProgramFault: Error, Equatable, Sendable, CustomStringConvertible {
    case notStarted(Errno)
    case exited(status: Int)
    case killed(signal: Int)
    /// It was killed, with all that it had started in its group.
    case tookTooLong
    case wroteTooMuch
    /// `endPrograms` was called.
    case stopped

    package var description: String {
        switch self {
        case .notStarted(let error): "cannot be started: \(error)"
        case .exited(let status): "exited with status \(status)"
        case .killed(let signal): "was killed by signal \(signal)"
        case .tookTooLong: "took too long, and was killed"
        case .wroteTooMuch: "wrote too much, and was killed"
        case .stopped: "was killed, since the agent stops"
        }
    }
}

/// Programs that run now. One list for the process, whose end is theirs as well.
private let running = Mutex(RunningPrograms())

private struct RunningPrograms {
    /// Each the first of a group. None of them was waited for: another process may have its id from then on.
    var processes: Set<pid_t> = []
    var isOver = false
}

/// Kills all programs that run, each with what it has started in its group, and lets no other begin: for the end of the
/// agent, which may come while a program hangs.
package func endPrograms() {
    running.withLock { running in
        running.isOver = true
        for process in running.processes { kill(-process, SIGKILL) }
    }
}

/// Runs `arguments[0]`, which is looked for in PATH, without a shell, and returns what it wrote to its standard output.
/// Its standard input is empty, and its standard error goes nowhere, since nobody knows what it would say there.
package func runProgram(
    _ arguments: [String], until deadline: Instant, outputLimit: Int
) throws(ProgramFault) -> [UInt8] {
    let program = try Child(arguments)
    do throws(ProgramFault) {
        let output = try readAll(program.output, until: deadline, limit: outputLimit)
        try waitForExit(of: program.process, until: deadline)
        return output
    } catch {
        switch error {
        case .tookTooLong, .wroteTooMuch:
            // A group of its own: what it has started goes with it.
            kill(-program.process, SIGKILL)
            while reap(program.process) == nil { usleep(1_000) }
        case .notStarted, .exited, .killed, .stopped: break
        }
        throw running.withLock(\.isOver) ? .stopped : error
    }
}

private struct Child: ~Copyable {
    let process: pid_t
    let output: File

    init(_ arguments: [String]) throws(ProgramFault) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw .notStarted(.current) }
        let output = File(owning: ends[0])
        let input = File(owning: ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let descriptor = input.descriptor
        process = try running.withLock { running throws(ProgramFault) in
            guard !running.isOver else { throw .stopped }
            do throws(Errno) {
                let process = try spawn(arguments, writingTo: descriptor)
                running.processes.insert(process)
                return process
            } catch { throw .notStarted(error) }
        }
        self.output = output
    }
}

private func spawn(_ arguments: [String], writingTo input: Int32) throws(Errno) -> pid_t {
    var files = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&files)
    defer { unsafe _ = posix_spawn_file_actions_destroy(&files) }
    unsafe posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_adddup2(&files, input, STDOUT_FILENO)
    unsafe posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0)

    // The agent's threads block the signals that it heeds, and ignore SIGPIPE; a child would inherit both.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe _ = posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    var defaults = sigset_t()
    unsafe sigemptyset(&defaults)
    unsafe sigaddset(&defaults, SIGPIPE)
    unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
    unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

    var words = unsafe arguments.map { unsafe strdup($0) }
    unsafe words.append(nil)
    defer { for index in unsafe words.indices { unsafe free(words[index]) } }
    var process: pid_t = 0
    let code = unsafe posix_spawnp(&process, arguments.first ?? "", &files, &attributes, words, environ)
    guard code == 0 else { throw Errno(code: code) }
    return process
}

private func readAll(_ file: borrowing File, until deadline: Instant, limit: Int) throws(ProgramFault) -> [UInt8] {
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
        guard waitToRead(file.descriptor, until: deadline) else { throw .tookTooLong }
        let descriptor = file.descriptor
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        if count == 0 { return text }
        // Only a signal can be the reason here.
        if count < 0 { continue }
        text.append(contentsOf: buffer[..<count])
        guard text.count <= limit else { throw .wroteTooMuch }
    }
}

private func waitToRead(_ descriptor: Int32, until deadline: Instant) -> Bool {
    while true {
        let rest = deadline - .now
        guard rest > .zero else { return false }
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        if unsafe poll(&entry, 1, Int32(clamping: rest.nanoseconds / 1_000_000 + 1)) > 0 { return true }
    }
}

/// It has closed its output: it is about to go, or has become something that does not.
private func waitForExit(of process: pid_t, until deadline: Instant) throws(ProgramFault) {
    var ended = reap(process)
    while ended == nil {
        guard .now < deadline else { throw .tookTooLong }
        usleep(1_000)
        ended = reap(process)
    }
    let status = ended ?? 0
    let signal = Int(status & 0x7F)
    guard signal == 0 else { throw .killed(signal: signal) }
    let code = Int(status >> 8 & 0xFF)
    guard code == 0 else { throw .exited(status: code) }
}

/// How it has ended; nil as long as it runs.
private func reap(_ process: pid_t) -> Int32? {
    running.withLock { running in
        var status: Int32 = 0
        guard unsafe waitpid(process, &status, WNOHANG) != 0 else { return nil }
        running.processes.remove(process)
        return status
    }
}
