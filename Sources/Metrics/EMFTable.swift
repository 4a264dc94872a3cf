// Values on their way from readings to documents: those of several readings, by dimensions and metric.

internal import Bytes

/// Kept from one interval to the next: in steady state, adding a value allocates nothing.
package struct EMFTable {
    /// The values of one metric under the dimensions of its group.
    struct Column {
        /// What was read: a descriptor of the vocabulary. Kept, so that no other can have its address.
        let source: AnyObject
        /// nil when nobody wants it.
        let metric: EMFMetric?
        var values: [Double] = []
        /// The reading that gave the last of those that may come once in a reading.
        var lastReading: Int?
    }

    struct Group {
        /// As CloudWatch takes them, without those that every document has.
        let dimensions: [EMFDimension]
        var columns: [Column] = []
        /// Intervals without a value.
        var idleCount = 0
    }

    /// Groups without values are remembered for as long: a process that comes and goes finds its own again.
    private static let idleLimit = 10
    /// Each is a document, and each of its metrics costs money: beyond this a label is likely to be an accident.
    package static let groupLimit = 10_000

    package private(set) var problems: Set<String> = []
    /// What every document has; a group may not have the same names.
    private(set) var dimensions: [EMFDimension]
    package let ownNames: [String]
    private(set) var groups: [Group] = []
    private var keys: [[EMFDimension]] = []
    private var indexes: [[EMFDimension]: Int] = [:]
    /// By what CloudWatch makes of their dimensions: `é` and `è` are the same to it.
    private var indexesAsSent: [[EMFDimension]: Int] = [:]
    private var group: Int?
    private var reading: Int?
    /// Dimensions as CloudWatch takes them, of which one reading had a value of the same metric twice.
    private var repeated: Set<[EMFDimension]> = []
    private var lastGroup = -1
    private var nextColumn = 0

    package init(dimensions: [EMFDimension] = []) {
        self.dimensions = dimensions
        ownNames = dimensions.map(\.name)
    }

    /// Another value of what every document has.
    package mutating func setDimension(_ index: Int, _ dimension: EMFDimension) {
        guard dimension.name == dimensions[index].name else { bug("the dimension \(dimension.name) stands elsewhere") }
        if dimensions[index].value != dimension.value { dimensions[index] = dimension }
    }

    /// The values that follow have these dimensions. Each metric may have one of them in `reading`, whose number is not
    /// that of another reading: what comes after it is of something else that CloudWatch cannot tell apart from it, and
    /// is left out. nil for several things that are meant to be one, such as processes of one name.
    package mutating func begin(_ dimensions: [EMFDimension], onceIn reading: Int? = nil) {
        self.reading = reading
        nextColumn = 0
        // Readings come in the same order each time.
        lastGroup += 1
        if keys.indices.contains(lastGroup), keys[lastGroup] == dimensions {
            group = lastGroup
            return
        }
        if let known = indexes[dimensions] {
            group = known
            lastGroup = known
            return
        }
        group = make(dimensions)
        lastGroup = group ?? lastGroup
    }

    /// `choose` is asked once: which metric it is, nil for one that nobody wants.
    package mutating func add(_ source: AnyObject, _ value: Double, choose: () -> EMFMetric?) {
        guard let group else { return }
        let count = groups[group].columns.count
        if nextColumn >= count || groups[group].columns[nextColumn].source !== source {
            nextColumn = groups[group].columns.firstIndex { $0.source === source } ?? count
            if nextColumn == count { makeColumn(source, choose(), in: group) }
        }
        defer { nextColumn += 1 }
        if let reading {
            if groups[group].columns[nextColumn].lastReading == reading {
                noteRepeated(groups[group].dimensions)
                return
            }
            groups[group].columns[nextColumn].lastReading = reading
        }
        // CloudWatch would refuse the whole document for them.
        if groups[group].columns[nextColumn].metric != nil, value.magnitude <= EMFLimit.magnitude {
            groups[group].columns[nextColumn].values.append(value)
        }
    }

    /// For values that were left out before they came here, for the same reason.
    package mutating func noteRepeated(_ dimensions: [EMFDimension]) {
        repeated.insert(dimensions.compactMap(\.valid))
    }

    /// What was left out since the last call, since something else had the same dimensions.
    package mutating func takeRepeated() -> Set<[EMFDimension]> {
        if repeated.isEmpty { return [] }
        defer { repeated = [] }
        return repeated
    }

    private mutating func make(_ key: [EMFDimension]) -> Int? {
        var names = Set(dimensions.map(\.name) + ["_aws"])
        var own: [EMFDimension] = []
        for dimension in key {
            guard let valid = dimension.valid else { continue }
            guard names.insert(valid.name).inserted else {
                problems.insert("the dimension \(valid.name) stands twice")
                return nil
            }
            own.append(valid)
        }
        guard dimensions.count + own.count <= EMFLimit.dimensions else {
            problems.insert("more than \(EMFLimit.dimensions) dimensions: \(own.map(\.name))")
            return nil
        }
        if let known = indexesAsSent[own] {
            indexes[key] = known
            return known
        }
        guard groups.count < Self.groupLimit else {
            problems.insert("more than \(Self.groupLimit) sets of dimensions")
            return nil
        }
        groups.append(Group(dimensions: own))
        keys.append(key)
        indexes[key] = groups.count - 1
        indexesAsSent[own] = groups.count - 1
        return groups.count - 1
    }

    private mutating func makeColumn(_ source: AnyObject, _ metric: EMFMetric?, in index: Int) {
        var metric = metric
        if let name = metric?.name {
            let isTaken =
                groups[index].columns.contains { $0.metric?.name == name } || name == "_aws"
                || (dimensions + groups[index].dimensions).contains { $0.name == name }
            if isTaken {
                problems.insert("the name \(name) is taken")
                metric = nil
            }
        }
        groups[index].columns.append(Column(source: source, metric: metric))
    }

    /// Forgets the values, and the groups that have had none for a while.
    mutating func removeValues() {
        group = nil
        lastGroup = -1
        var hasStale = false
        for index in groups.indices {
            var isIdle = true
            for column in groups[index].columns.indices where !groups[index].columns[column].values.isEmpty {
                isIdle = false
                groups[index].columns[column].values.removeAll(keepingCapacity: true)
            }
            groups[index].idleCount = isIdle ? groups[index].idleCount + 1 : 0
            if groups[index].idleCount > Self.idleLimit { hasStale = true }
        }
        if hasStale { removeStale() }
    }

    private mutating func removeStale() {
        let kept = groups.indices.filter { groups[$0].idleCount <= Self.idleLimit }
        groups = kept.map { groups[$0] }
        keys = kept.map { keys[$0] }
        indexes = [:]
        indexesAsSent = [:]
        for (index, key) in keys.enumerated() {
            indexes[key] = index
            indexesAsSent[groups[index].dimensions] = index
        }
    }
}
