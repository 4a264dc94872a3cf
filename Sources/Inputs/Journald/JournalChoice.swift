// Which entries are wanted where libsystemd's matches cannot say it: they are exact, and have no "not".
//
// Patterns could be expanded to the units that the journal knows, as journalctl does once. A follower would have to do
// so for each unit that is new, of which nobody tells it, and an `exclude` cannot be said at all. So the entries are
// read and looked at here: about a microsecond each, and a verdict is kept for each unit.

package import Bytes

/// A unit's name, or a pattern for names.
package struct JournalUnitPattern: Equatable, Sendable {
    package let text: String
    private let glob: Glob?
    /// An entry names the slice that its unit is in: that counts for patterns of slices alone.
    fileprivate let isForSlices: Bool

    /// Braces, brackets, stars and question marks make a pattern; systemd.unit(5) allows none of them in a name.
    package init(_ text: String) throws(GlobError) {
        let isPattern = text.utf8.contains { "*?[{".utf8.contains($0) }
        self.text = isPattern ? text : journalUnitName(text)
        glob = isPattern || text.isEmpty ? try Glob(text) : nil
        isForSlices = self.text.hasSuffix(".slice")
    }

    package var isPattern: Bool { glob != nil }

    package func matches(_ name: [UInt8]) -> Bool { glob?.matches(name) ?? name.elementsEqual(text.utf8) }

    package static func == (one: JournalUnitPattern, other: JournalUnitPattern) -> Bool { one.text == other.text }
}

/// Whose entries are wanted: any of `units`, `userUnits` and the kernel, and all when none of them is named; of those,
/// none of `excluded`.
package struct JournalOwners: Equatable, Sendable {
    package var units: [JournalUnitPattern] = []
    package var userUnits: [JournalUnitPattern] = []
    package var kernel = false
    package var excluded: [JournalUnitPattern] = []

    package init() {}

    var isAnybody: Bool { units.isEmpty && userUnits.isEmpty && !kernel }

    /// libsystemd selects by name, through its index.
    package var areSelectedByMatches: Bool { !(units + userUnits).contains { $0.isPattern } }
}

/// The same rules as in the matches of `journalFilter`, for an entry that was read.
struct JournalChoice {
    /// Each unit's verdict is kept: a host has some hundred. Beyond the limit all are asked again.
    private static let verdictLimit = 4_096

    private struct Verdict {
        var isIncluded = false
        var isExcluded = false
    }

    private static let root = Array("0".utf8)
    private static let manager = Array("1".utf8)
    private static let kernel = Array("kernel".utf8)
    private static let coredump = Array(journalCoredumpMessageID.utf8)

    /// Whoever is to be included was selected by libsystemd's matches, or nobody is named.
    private let includesAll: Bool
    private let included: [JournalUnitPattern]
    private let includedOfUsers: [JournalUnitPattern]
    private let includesKernel: Bool
    private let excluded: [JournalUnitPattern]
    private let hasSlices: Bool
    private var verdicts: [[UInt8]: Verdict] = [:]
    private var userVerdicts: [[UInt8]: Bool] = [:]
    /// Empty when entries need not be asked for theirs.
    private let namespaces: [[UInt8]]
    private let hasOwnNamespace: Bool

    init(_ owners: JournalOwners, _ namespaces: JournalNamespaces) {
        includesAll = owners.isAnybody || owners.areSelectedByMatches
        included = includesAll ? [] : owners.units
        includedOfUsers = includesAll ? [] : owners.userUnits
        includesKernel = owners.kernel
        excluded = owners.excluded
        hasSlices = (included + excluded).contains { $0.isForSlices }
        self.namespaces = namespaces.areToldByEntries ? namespaces.names.map { Array($0.utf8) } : []
        hasOwnNamespace = namespaces.hasOwn
    }

    /// False when every entry is wanted.
    var hasQuestions: Bool { !includesAll || !excluded.isEmpty || !namespaces.isEmpty }

    mutating func wants(_ entry: JournalValues) -> Bool {
        guard namespaces.isEmpty || isOfNamespace(entry) else { return false }
        if includesAll, excluded.isEmpty { return true }
        var verdict = Verdict(isIncluded: includesAll || includesKernel && entry[.transport] == Self.kernel)
        judge(entry, .systemdUnit, &verdict)
        if entry.has(.unit), entry[.pid] == Self.manager { judge(entry, .unit, &verdict) }
        let isRoots = entry[.uid] == Self.root
        let isDump = entry.has(.messageID) && entry[.messageID] == Self.coredump
        if isRoots { judge(entry, .objectUnit, &verdict) }
        if isRoots, isDump { judge(entry, .coredumpUnit, &verdict) }
        if hasSlices, entry.has(.slice) { add(judged(entry[.slice], isSlice: true), to: &verdict) }
        if verdict.isExcluded || verdict.isIncluded || includedOfUsers.isEmpty {
            return verdict.isIncluded && !verdict.isExcluded
        }
        return isOfUsers(entry, .userUnit) || isOfUsers(entry, .unitOfUser)
            || isDump && isOfUsers(entry, .coredumpUserUnit) || isRoots && isOfUsers(entry, .objectUserUnit)
    }

    private func isOfNamespace(_ entry: JournalValues) -> Bool {
        entry.has(.namespace) ? namespaces.contains(entry[.namespace]) : hasOwnNamespace
    }

    private mutating func judge(_ entry: JournalValues, _ field: JournalField, _ sum: inout Verdict) {
        guard entry.has(field) else { return }
        let name = entry[field]
        if let verdict = verdicts[name] { return add(verdict, to: &sum) }
        let verdict = judged(name, isSlice: false)
        if verdicts.count >= Self.verdictLimit { verdicts.removeAll(keepingCapacity: true) }
        verdicts[name] = verdict
        add(verdict, to: &sum)
    }

    private func add(_ verdict: Verdict, to sum: inout Verdict) {
        if verdict.isIncluded { sum.isIncluded = true }
        if verdict.isExcluded { sum.isExcluded = true }
    }

    private func judged(_ name: [UInt8], isSlice: Bool) -> Verdict {
        func isIn(_ patterns: [JournalUnitPattern]) -> Bool {
            patterns.contains { (!isSlice || $0.isForSlices) && $0.matches(name) }
        }
        return Verdict(isIncluded: isIn(included), isExcluded: isIn(excluded))
    }

    private mutating func isOfUsers(_ entry: JournalValues, _ field: JournalField) -> Bool {
        guard entry.has(field) else { return false }
        let name = entry[field]
        if let isIncluded = userVerdicts[name] { return isIncluded }
        if userVerdicts.count >= Self.verdictLimit { userVerdicts.removeAll(keepingCapacity: true) }
        let isIncluded = includedOfUsers.contains { $0.matches(name) }
        userVerdicts[name] = isIncluded
        return isIncluded
    }
}
