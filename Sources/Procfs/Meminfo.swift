// /proc/meminfo, and /sys/devices/system/node/node*/meminfo. See proc_meminfo(5) and
// Documentation/filesystems/proc.rst.
//
//     MemTotal:       24684096 kB
//     Active(anon):       1632 kB
//     HugePages_Total:       0

package import Bytes

package enum Meminfo {
    /// The fields in the order of the file, without groups; what is given in kB is in bytes.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> FieldList {
        var list = FieldList(text)
        while !text.isAtEnd {
            text.row { text throws(ParseError) in list.append(try line(&text)) }
        }
        guard !list.fields.isEmpty else { throw text.error("<name>: <number> kB") }
        return list
    }

    private static func line(_ text: inout ByteCursor) throws(ParseError) -> FieldList.Field {
        // In the files of memory nodes each line begins with it.
        if text.skip("Node ") {
            guard text.unsigned() != nil, text.skip(byte: UInt8(ascii: " ")) else { throw text.error("Node <N>") }
        }
        guard let name = text.upTo(UInt8(ascii: ":")), !name.isEmpty else { throw text.error("<name>:") }
        text.skipSpaces()
        guard let value = text.unsigned() else { throw text.error("<name>: <number>") }
        text.skipSpaces()
        let isBytes = text.skip("kB")
        guard isBytes || text.isAtLineEnd else { throw text.error("kB or the end of the line") }
        // In floating point, since a corrupted number must not trap; exact up to 8 EiB in steps of 1 KiB.
        let scaled = isBytes ? Double(value) * 1_024 : Double(value)
        return FieldList.Field(
            group: name.lowerBound..<name.lowerBound, name: name, value: scaled, isBytes: isBytes)
    }
}
