// What the settings of an input let documents with metrics say of themselves, and how often one said something else.

package import Bytes

package struct DocumentRules: Sendable {
    /// Names of groups that documents may go to. Nil: all.
    package var logGroups: [Glob]?
    /// Documents that named another group: they go where the output's settings say.
    package private(set) var groupsRefused: UInt64 = 0
    /// Documents that named a group or a stream by more than `nameLength`: that name is ignored.
    package private(set) var namesTooLong: UInt64 = 0
    /// The group of the last that was refused.
    package private(set) var lastRefusedGroup: String?
    /// Documents whose own time the service would not take: they have the time at which they were read.
    package internal(set) var timesRefused: UInt64 = 0

    /// Characters of the name of a group, and of a stream. See
    /// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    package static let nameLength = 512
    /// What a character may be in JSON at most: `\ud83d\ude00`.
    private static let escapedBytes = 12

    package init(logGroups: [Glob]? = nil) { self.logGroups = logGroups }

    /// The group and the stream that a document names; nil when it may not go there.
    mutating func place(of line: EMFLine, _ text: [UInt8]) -> (group: [UInt8]?, stream: [UInt8]?)? {
        let group = name(line.logGroup, text)
        if let logGroups, let group, !logGroups.contains(where: { $0.matches(group) }) {
            groupsRefused += 1
            lastRefusedGroup = String(decoding: group, as: UTF8.self)
            return nil
        }
        return (group, name(line.logStream, text))
    }

    /// Nil for one that is too long to be one: nobody keeps it, whoever sends it.
    private mutating func name(_ name: EMFLine.Name?, _ text: [UInt8]) -> [UInt8]? {
        guard let name else { return nil }
        if name.range.count <= Self.nameLength * Self.escapedBytes {
            let decoded = name.decoded(of: text)
            if String(decoding: decoded, as: UTF8.self).unicodeScalars.count <= Self.nameLength { return decoded }
        }
        namesTooLong += 1
        return nil
    }
}
