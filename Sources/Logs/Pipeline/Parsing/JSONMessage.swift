// One JSON object in each line (RFC 8259). Members of objects within it get their names with a dot between; what is
// nested deeper than the limit, and arrays, stay JSON text. `null` says nothing, and gives no field.

internal import Bytes

struct JSONMessage: MessageParser {
    /// `a.b.c.d.e`: what is deeper has names that nobody searches by.
    private static let depthLimit = 5
    /// Objects count as members of their own.
    private static let memberLimit = 2 * FoundFields.fieldLimit

    private var members: [JSONMember] = []
    /// The full names of objects, by their indexes among the members.
    private var objects: [(index: Int, name: Range<Int>)] = []

    mutating func parse(_ draft: inout RecordDraft, _ found: inout FoundFields, now: Int64) -> ParsedMessage? {
        members.removeAll(keepingCapacity: true)
        switch draft.bytes.scanJSONObject(
            draft.text, depthLimit: Self.depthLimit, memberLimit: Self.memberLimit, into: &members)
        {
        case .isNone: return nil
        case .hasMoreMembers: found.cut()
        case .isObject: break
        }
        objects.removeAll(keepingCapacity: true)
        for index in members.indices {
            let member = members[index]
            let name = self.name(of: member, &draft)
            switch member.kind {
            case .string:
                let value =
                    member.valueHasEscapes ? draft.bytes.append(decodingJSON: member.value) : member.value
                found.add(name, value, in: draft.bytes)
            case .number: found.add(name, member.value, isNumber: true, in: draft.bytes)
            case .boolean: found.add(name, member.value, isNumber: true, mayHaveRole: false, in: draft.bytes)
            case .text: found.add(name, member.value, mayHaveRole: false, in: draft.bytes)
            case .object: objects.append((index, name))
            case .null: break
            }
        }
        return ParsedMessage()
    }

    /// With those of the objects around it; empty, which is no name, when it would be too long.
    private func name(of member: JSONMember, _ draft: inout RecordDraft) -> Range<Int> {
        guard member.parent >= 0 else {
            return member.nameHasEscapes ? draft.bytes.append(decodingJSON: member.name) : member.name
        }
        // The object around it is the last of those, but for some that ended since.
        let outer = objects.last { $0.index == member.parent }?.name ?? 0..<0
        guard !outer.isEmpty, outer.count + member.name.count < FoundFields.nameByteLimit else { return 0..<0 }
        let start = draft.bytes.count
        draft.bytes.append(copyOf: outer)
        draft.bytes.append(UInt8(ascii: "."))
        if member.nameHasEscapes {
            _ = draft.bytes.append(decodingJSON: member.name)
        } else {
            draft.bytes.append(copyOf: member.name)
        }
        return start..<draft.bytes.count
    }
}
