// /proc/vmstat: counters of the memory management. See proc_vmstat(5). Other files have the same form: numastat of a
// memory node, and commit_stats of a btrfs file system (fs/btrfs/sysfs.c).
//
//     nr_free_pages 810271
//     pgpgin 5178753

package import Bytes

package enum VMStat {
    /// The fields in the order of the file, without groups.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> FieldList {
        var list = FieldList(text)
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                let name = text.word()
                text.skipSpaces()
                guard !name.isEmpty, let value = text.decimal(), text.isAtLineEnd else {
                    throw text.error("<name> <number>")
                }
                list.append(.init(group: name.lowerBound..<name.lowerBound, name: name, value: value))
            }
        }
        guard !list.fields.isEmpty else { throw text.error("<name> <number>") }
        return list
    }
}
