// /proc/slabinfo: caches of the kernel's own objects; only root may read it. See slabinfo(5).
//
//     slabinfo - version: 2.1
//     # name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables … : slabdata …
//     dentry            1723451 1900164    192   42    2 : tunables    0    0    0 : slabdata  45242  45242      0

package import Bytes

package struct SlabInfo {
    package struct Slab: Equatable, Sendable {
        package var name: Range<Int>
        package var activeObjects: UInt64
        package var objects: UInt64
        package var objectBytes: UInt64
        package var objectsPerSlab: UInt64
        package var pagesPerSlab: UInt64
    }

    /// The file: the names lead into it. Shared with the reader, so drop the list before the next reading.
    package let text: [UInt8]
    package private(set) var slabs: [Slab] = []

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> SlabInfo {
        let expected = "<name> <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
        guard text.skip("slabinfo - version: 2") else { throw text.error("slabinfo - version: 2.<N>") }
        text.skipToNextLine()
        var list = SlabInfo(text: text.bytes)
        while !text.isAtEnd {
            if text.next == UInt8(ascii: "#") {
                text.skipToNextLine()
                continue
            }
            text.row { text throws(ParseError) in
                let name = text.word()
                guard !name.isEmpty else { throw text.error(expected) }
                list.slabs.append(
                    Slab(
                        name: name, activeObjects: try text.column(expected), objects: try text.column(expected),
                        objectBytes: try text.column(expected), objectsPerSlab: try text.column(expected),
                        pagesPerSlab: try text.column(expected)))
            }
        }
        return list
    }
}
