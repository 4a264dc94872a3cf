// What is sent to a netlink socket: a message as NetlinkMessage.swift shows it, with one body and some attributes.

/// A request, put together once and sent again and again under another number.
package struct NetlinkRequest: Sendable {
    private static let headerBytes = 16
    private static let isNested: UInt16 = 0x8000  // NLA_F_NESTED

    /// What kind of answer is wanted.
    package enum Kind: Sendable {
        /// All of a table: NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH.
        case dump
        /// One answer, and the word that it was the only one: NLM_F_REQUEST | NLM_F_ACK.
        case question

        fileprivate var flags: UInt16 { self == .dump ? 0x301 : 0x5 }
    }

    /// What the kernel calls it, for messages: `RTM_GETLINK`.
    package let name: String
    /// All but the number and the whole length, which are set when it is sent.
    private var bytes: [UInt8] = []

    /// `type` is one of `RTM_GET…`, or the number of a generic family.
    package init(_ name: String, type: UInt16, _ kind: Kind) {
        self.name = name
        append(UInt32(0))
        append(type)
        append(kind.flags)
        append(UInt32(0))
        append(UInt32(0))
    }

    /// For a generic family: `struct genlmsghdr`.
    package init(_ name: String, family: UInt16, command: UInt8, version: UInt8, _ kind: Kind) {
        self.init(name, type: family, kind)
        append(command)
        append(version)
        append(UInt16(0))
    }

    /// A part of the body, in the byte order of the machine.
    package mutating func append(_ value: some FixedWidthInteger) {
        let value = value.littleEndian
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    package mutating func append(zeros count: Int) { bytes.append(contentsOf: repeatElement(0, count: count)) }

    package mutating func append(attribute type: UInt16, _ value: some FixedWidthInteger) {
        attribute(type) { request in request.append(value) }
    }

    /// Text, with a zero at its end.
    package mutating func append(attribute type: UInt16, _ text: String) {
        attribute(type) { request in
            request.bytes.append(contentsOf: text.utf8)
            request.bytes.append(0)
        }
    }

    /// An attribute that holds those that `fill` appends.
    package mutating func append(nested type: UInt16, _ fill: (inout NetlinkRequest) -> Void) {
        attribute(type | Self.isNested, fill)
    }

    private mutating func attribute(_ type: UInt16, _ fill: (inout NetlinkRequest) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(type)
        fill(&self)
        set(UInt16(bytes.count - start), at: start)
        append(zeros: -bytes.count & 3)
    }

    /// The message under this number.
    package func bytes(sequence: UInt32) -> [UInt8] {
        var message = self
        message.set(UInt32(bytes.count), at: 0)
        message.set(sequence, at: 8)
        return message.bytes
    }

    private mutating func set(_ value: some FixedWidthInteger, at index: Int) {
        let value = value.littleEndian
        for offset in 0..<value.bitWidth / 8 {
            bytes[index + offset] = UInt8(truncatingIfNeeded: value >> (8 * offset))
        }
    }
}
