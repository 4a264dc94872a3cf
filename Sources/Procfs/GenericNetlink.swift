// Generic netlink: families that the kernel numbers when they are loaded, found by their names.
//
//     struct genlmsghdr: command (1 byte) version (1) reserved (2), then attributes
//
// See Documentation/userspace-api/netlink/intro.rst, include/uapi/linux/genetlink.h.

internal import Platform

package enum GenericNetlink {
    package static let headerBytes = 4

    /// The family that knows the others: GENL_ID_CTRL.
    private static let controller: UInt16 = 0x10

    /// Asks for the number of a family: CTRL_CMD_GETFAMILY with CTRL_ATTR_FAMILY_NAME. Refused with ENOENT when this
    /// kernel does not have it.
    package static func request(familyNamed name: String) -> NetlinkRequest {
        var request = NetlinkRequest("CTRL_CMD_GETFAMILY", family: controller, command: 3, version: 2, .question)
        request.append(attribute: 2, name)
        return request
    }

    /// The number, from the answer to that.
    package static func parse(
        _ bytes: [UInt8], count: Int, sequence: UInt32, into family: inout UInt16?
    ) throws(NetlinkError) -> NetlinkPart {
        try forEach(of: controller, command: 1, sequence: sequence, in: bytes, count: count) {
            attributes throws(NetlinkError) in
            try NetlinkDump.forEachAttribute(in: bytes, attributes) { type, value throws(NetlinkError) in
                guard type == 1 else { return }  // CTRL_ATTR_FAMILY_ID
                guard value.count >= 2 else { throw .malformed(offset: value.lowerBound) }
                family = bytes.native16(at: value.lowerBound)
            }
        }
    }

    /// Calls `body` with the range of the attributes of each message of a family with that command.
    static func forEach(
        of family: UInt16, command: UInt8, sequence: UInt32, in bytes: [UInt8], count: Int,
        _ body: (Range<Int>) throws(NetlinkError) -> Void
    ) throws(NetlinkError) -> NetlinkPart {
        try NetlinkDump.forEach(family, sequence: sequence, in: bytes, count: count) {
            message throws(NetlinkError) in
            guard message.count >= headerBytes else { throw .malformed(offset: message.lowerBound) }
            guard bytes[message.lowerBound] == command else { return }
            try body(message.lowerBound + headerBytes..<message.upperBound)
        }
    }
}
