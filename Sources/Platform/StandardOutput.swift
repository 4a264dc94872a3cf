// What the commands print. The agent's log goes to standard error, by AgentLog.

internal import CLinux
internal import Glibc

/// Gives standard input, output and error something where whoever started the program has closed them: the next file or
/// event that is opened would get that number, and what is printed would go there. Before anything is opened.
///
/// To read from and to write to these fail as before: each is open for the other direction.
package func keepStandardDescriptors() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
        // The lowest number that is free, which is this one. Without /dev/null it stays as it is.
        _ = unsafe linux_open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY, 0)
    }
}

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
