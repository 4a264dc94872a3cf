// Which container a file of logs is of, as its path says:
//
//     /var/log/pods/<namespace>_<pod>_<uid>/<container>/<number>.log
//     /var/log/containers/<pod>_<namespace>_<container>-<id of 64 digits>.log
//
// None of these names has an underscore. https://kubernetes.io/docs/concepts/cluster-administration/logging/

internal import Bytes

/// Ranges of the path.
struct KubernetesPath: Equatable {
    var namespace: Range<Int>
    var pod: Range<Int>
    var container: Range<Int>

    private static let idDigits = 64

    /// Nil for a path of another form.
    init?(_ path: [UInt8]) {
        var end = path.count
        func previous() -> Range<Int>? {
            guard end > 0 else { return nil }
            let start = (path[..<end].lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
            defer { end = start - 1 }
            return start..<end
        }
        guard let name = previous(), let parent = previous() else { return nil }
        if path[parent].elementsEqual("containers".utf8) {
            guard let parts = Self.parts(path, name) else { return nil }
            (pod, namespace, container) = parts
            let suffix = Self.idDigits + "-.log".utf8.count
            guard container.count > suffix, path[container].suffix(4).elementsEqual(".log".utf8) else { return nil }
            container = container.dropLast(suffix)
            let id = path[container.upperBound + 1..<name.upperBound - ".log".utf8.count]
            guard path[container.upperBound] == UInt8(ascii: "-"), id.allSatisfy({ $0.hexadecimalDigit != nil }) else {
                return nil
            }
        } else {
            guard let folder = previous(), let root = previous(), path[root].elementsEqual("pods".utf8),
                let parts = Self.parts(path, folder), !parent.isEmpty
            else { return nil }
            (namespace, pod, _) = parts
            container = parent
        }
    }

    /// Three, none of them empty.
    private static func parts(_ path: [UInt8], _ range: Range<Int>) -> (Range<Int>, Range<Int>, Range<Int>)? {
        let parts = path[range].split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
        guard parts.count == 3, !parts.contains(where: \.isEmpty) else { return nil }
        return (parts[0].indices, parts[1].indices, parts[2].indices)
    }
}

/// The fields that a path gives, ready to be appended to a record.
struct KubernetesFields {
    private(set) var bytes: [UInt8] = []
    private(set) var fields: [RecordDraft.Field] = []

    init(path: [UInt8]) {
        guard let found = KubernetesPath(path) else { return }
        add("namespace", path[found.namespace])
        add("pod", path[found.pod])
        add("container", path[found.container])
    }

    private mutating func add(_ name: StaticString, _ value: ArraySlice<UInt8>) {
        let start = bytes.count
        bytes.append(name)
        let middle = bytes.count
        bytes.append(contentsOf: value)
        fields.append(RecordDraft.Field(name: start..<middle, value: middle..<bytes.count, isNumber: false))
    }

    func add(to draft: inout RecordDraft) {
        guard !fields.isEmpty else { return }
        let base = draft.append(bytes, 0..<bytes.count).lowerBound
        for field in fields {
            draft.fields.append(
                RecordDraft.Field(
                    name: base + field.name.lowerBound..<base + field.name.upperBound,
                    value: base + field.value.lowerBound..<base + field.value.upperBound, isNumber: false))
        }
    }
}
