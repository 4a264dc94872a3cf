// The kernel's error numbers, kept as numbers so that they can be compared.

internal import Glibc

package struct Errno: Error, Equatable, Hashable, Sendable, CustomStringConvertible {
    package let code: Int32

    package init(code: Int32) { self.code = code }

    /// What the last failed call of this thread left.
    package static var current: Errno { Errno(code: Glibc.errno) }

    package static let notFound = Errno(code: ENOENT)
    package static let noDirectory = Errno(code: ENOTDIR)
    package static let notPermitted = Errno(code: EPERM)
    /// Of a process that went away while it was read.
    package static let noProcess = Errno(code: ESRCH)
    package static let accessDenied = Errno(code: EACCES)
    package static let interrupted = Errno(code: EINTR)
    package static let wouldBlock = Errno(code: EAGAIN)
    package static let notSupported = Errno(code: EOPNOTSUPP)
    package static let noSpace = Errno(code: ENOSPC)
    package static let stale = Errno(code: ESTALE)
    package static let brokenPipe = Errno(code: EPIPE)
    package static let io = Errno(code: EIO)
    package static let noDevice = Errno(code: ENODEV)
    package static let tooLarge = Errno(code: EFBIG)
    package static let invalid = Errno(code: EINVAL)
    package static let noSystemCall = Errno(code: ENOSYS)
    package static let tooManyLinks = Errno(code: ELOOP)
    package static let noMemory = Errno(code: ENOMEM)
    package static let processFileLimit = Errno(code: EMFILE)
    package static let systemFileLimit = Errno(code: ENFILE)
    package static let alreadyThere = Errno(code: EEXIST)
    package static let addressInUse = Errno(code: EADDRINUSE)
    package static let protocolNotSupported = Errno(code: EPROTONOSUPPORT)
    package static let familyNotSupported = Errno(code: EAFNOSUPPORT)
    package static let addressNotHere = Errno(code: EADDRNOTAVAIL)
    /// Of a pipe, where a file is read at places.
    package static let noSeeking = Errno(code: ESPIPE)
    package static let badAddress = Errno(code: EFAULT)
    package static let noAddress = Errno(code: ENXIO)
    package static let noData = Errno(code: ENODATA)
    package static let busy = Errno(code: EBUSY)
    package static let networkDown = Errno(code: ENETDOWN)
    package static let notDirectory = Errno(code: ENOTDIR)
    package static let isDirectory = Errno(code: EISDIR)

    /// The fault of this process or of the machine's memory: it says nothing about what was to be read.
    package var isShortage: Bool { [.processFileLimit, .systemFileLimit, .noMemory].contains(self) }

    /// Nothing is there: what was asked for, or a directory on the way to it. Any other error leaves that open.
    package var isAbsence: Bool { code == ENOENT || code == ENOTDIR }

    package var description: String {
        var text = [CChar](repeating: 0, count: 128)
        // The XSI variant of strerror_r, which Glibc's module shows, is safe with threads; strerror is not.
        unsafe _ = strerror_r(code, &text, text.count)
        let message = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return message.isEmpty ? "error \(code)" : message
    }
}

/// Calls again as long as a signal interrupts; throws what else goes wrong. For calls that answer -1.
@discardableResult
package func retryingOnInterrupt(_ call: () -> Int) throws(Errno) -> Int {
    while true {
        let result = call()
        if result >= 0 { return result }
        let error = Errno.current
        guard error == .interrupted else { throw error }
    }
}
