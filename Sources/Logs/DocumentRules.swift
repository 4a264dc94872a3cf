// What the settings of an input let documents with metrics say of themselves, and how often one said something else.

package import Bytes

package struct DocumentRules: Sendable {
    /// Names of groups that documents may go to. Nil: all.
    package var logGroups: [Glob]?
    /// Documents that named another group: they go where the output's settings say.
    package private(set) var groupsRefused: UInt64 = 0
    /// The group of the last of them.
    package private(set) var lastRefusedGroup: String?
    /// Documents whose own time the service would not take: they have the time at which they were read.
    package internal(set) var timesRefused: UInt64 = 0

    package init(logGroups: [Glob]? = nil) { self.logGroups = logGroups }

    /// The group and the stream that a document names; nil when it may not go there.
    mutating func place(of line: EMFLine, _ text: [UInt8]) -> (group: [UInt8]?, stream: [UInt8]?)? {
        let group = line.logGroup?.decoded(of: text)
        if let logGroups, let group, !logGroups.contains(where: { $0.matches(group) }) {
            groupsRefused += 1
            lastRefusedGroup = String(decoding: group, as: UTF8.self)
            return nil
        }
        return (group, line.logStream?.decoded(of: text))
    }
}
