// A bug stops the agent and says so. `precondition` prints nothing in a release build, so we have our own.

internal import Glibc

/// Stops the process with a message that names the place. For programmer errors only: the world never causes one.
@inline(never)
package func bug(_ message: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
    // sd-daemon(3): the journal takes it for the error that it is.
    let priority = unsafe getenv("JOURNAL_STREAM") == nil ? "" : "<3>"
    var text = "\(priority)bug: \(message) at \(file):\(line)\n"
    text.withUTF8 { text in unsafe _ = write(STDERR_FILENO, text.baseAddress, text.count) }
    abort()
}
