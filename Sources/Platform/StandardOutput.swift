// What the commands print. The agent's log goes to standard error, by AgentLog.

internal import Glibc

/// Writes all of it.
///
/// - Throws: `Errno`; `EPIPE` when whoever read has gone, as `head` does.
package func writeToStandardOutput(_ bytes: [UInt8]) throws(Errno) {
    var done = 0
    while done < bytes.count {
        done += try retryingOnInterrupt {
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe write(STDOUT_FILENO, bytes.baseAddress.map { unsafe $0 + done }, bytes.count - done)
            }
        }
    }
}
