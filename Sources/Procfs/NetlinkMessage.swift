// What goes to a netlink socket and comes back: messages, and in them attributes, each with its length in front.
//
//     message:   length (4 bytes) type (2) flags (2) sequence (4) port (4), then its body, padded to 4 bytes
//     attribute: length (2) type (2), then its value, padded to 4 bytes
//
// All numbers are in the byte order of the machine. See netlink(7), rtnetlink(7).

package import Platform

/// Why an answer of the kernel could not be read.
package enum NetlinkError: Error, Equatable, CustomStringConvertible {
    /// A length reaches over the end of the datagram, or is shorter than what it must hold.
    case malformed(offset: Int)
    /// The kernel answered with an error.
    case refused(Errno)

    package var description: String {
        switch self {
        case .malformed(let offset): "a wrong length at byte \(offset) of the answer"
        case .refused(let errno): "netlink: \(errno)"
        }
    }
}

/// What a datagram of a dump was.
package struct NetlinkPart: Equatable, Sendable {
    /// The dump ends with this datagram.
    package var isLast: Bool
    /// Something changed while the kernel was writing, or something of it was lost: entries may be missing, or stand
    /// twice.
    package var isInterrupted: Bool
    /// Messages that were read.
    package var read: Int
    /// Messages that could not be read: each costs itself.
    package var skipped: Int
    /// Why the first of those was left out.
    package var firstProblem: NetlinkError?

    package init(
        isLast: Bool = false, isInterrupted: Bool = false, read: Int = 0, skipped: Int = 0,
        firstProblem: NetlinkError? = nil
    ) {
        self.isLast = isLast
        self.isInterrupted = isInterrupted
        self.read = read
        self.skipped = skipped
        self.firstProblem = firstProblem
    }

    fileprivate mutating func skip(_ error: NetlinkError) {
        skipped += 1
        if firstProblem == nil { firstProblem = error }
    }

    /// What is known of a dump after another datagram of it.
    package mutating func add(_ next: NetlinkPart) {
        isLast = next.isLast
        isInterrupted = isInterrupted || next.isInterrupted
        read += next.read
        skipped += next.skipped
        if firstProblem == nil { firstProblem = next.firstProblem }
    }
}

/// Reading what comes back: a dump of one table, or the answer to a single question.
package enum NetlinkDump {
    private static let headerBytes = 16
    private static let error: UInt16 = 2  // NLMSG_ERROR
    private static let done: UInt16 = 3  // NLMSG_DONE
    private static let overrun: UInt16 = 4  // NLMSG_OVERRUN
    private static let interrupted: UInt16 = 0x10  // NLM_F_DUMP_INTR

    /// Calls `body` with the range of each message of `type` in the datagram `bytes[..<count]`. Answers to older
    /// requests are left out, and so is a message in which `body` finds something malformed. Behind a message with a
    /// wrong length nobody knows where the next one begins: the rest of the datagram is lost.
    ///
    /// - Throws: what the kernel refuses the request with.
    package static func forEach(
        _ type: UInt16, sequence: UInt32, in bytes: [UInt8], count: Int,
        _ body: (Range<Int>) throws(NetlinkError) -> Void
    ) throws(NetlinkError) -> NetlinkPart {
        var part = NetlinkPart()
        let end = min(count, bytes.count)
        var index = 0
        while index < end {
            let length = index + headerBytes <= end ? Int(bytes.native32(at: index)) : 0
            guard length >= headerBytes, length <= end - index else {
                part.skip(.malformed(offset: index))
                part.isInterrupted = true
                return part
            }
            let content = index + headerBytes..<index + length
            if bytes.native32(at: index + 8) == sequence {
                if bytes.native16(at: index + 6) & interrupted != 0 { part.isInterrupted = true }
                switch bytes.native16(at: index + 4) {
                case type:
                    do throws(NetlinkError) {
                        try body(content)
                        part.read += 1
                    } catch { part.skip(error) }
                case overrun: part.isInterrupted = true
                case done:
                    // A dump that was broken off ends with the reason.
                    if content.count >= 4 { try throwIfRefused(bytes, content) }
                    part.isLast = true
                case error:
                    // Whatever the reason is, there is no more to come.
                    guard content.count >= 4 else { throw .malformed(offset: index) }
                    try throwIfRefused(bytes, content)
                    // The error 0 acknowledges a request that is no dump.
                    part.isLast = true
                default: break
                }
            }
            index += aligned(length)
        }
        return part
    }

    /// Calls `body` with the type and the range of the value of each attribute.
    package static func forEachAttribute(
        in bytes: [UInt8], _ range: Range<Int>, _ body: (UInt16, Range<Int>) throws(NetlinkError) -> Void
    ) throws(NetlinkError) {
        var index = range.lowerBound
        while index < range.upperBound {
            guard index + 4 <= range.upperBound else { throw .malformed(offset: index) }
            let length = Int(bytes.native16(at: index))
            guard length >= 4, length <= range.upperBound - index else { throw .malformed(offset: index) }
            // The two highest bits say how the value is written, not what it is.
            try body(bytes.native16(at: index + 2) & 0x3FFF, index + 4..<index + length)
            index += aligned(length)
        }
    }

    private static func throwIfRefused(_ bytes: [UInt8], _ content: Range<Int>) throws(NetlinkError) {
        let code = Int32(bitPattern: bytes.native32(at: content.lowerBound))
        if code < 0 { throw .refused(Errno(code: code == .min ? 0 : -code)) }
    }

    static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
}

extension [UInt8] {
    /// A number of the machine's byte order. The caller has checked that it is there.
    func native16(at index: Int) -> UInt16 {
        UInt16(littleEndian: UInt16(self[index]) | UInt16(self[index + 1]) << 8)
    }

    func native32(at index: Int) -> UInt32 {
        var value: UInt32 = 0
        for offset in 0..<4 { value |= UInt32(self[index + offset]) << (8 * offset) }
        return UInt32(littleEndian: value)
    }

    func native64(at index: Int) -> UInt64 {
        var value: UInt64 = 0
        for offset in 0..<8 { value |= UInt64(self[index + offset]) << (8 * offset) }
        return UInt64(littleEndian: value)
    }

    /// Text that ends at the first zero, or with the range.
    package func text(upToZeroIn range: Range<Int>) -> String {
        String(decoding: self[range].prefix { $0 != 0 }, as: UTF8.self)
    }
}
