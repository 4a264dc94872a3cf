// The CloudWatch agent's metrics: names, units and meanings that alarms and dashboards were made for.

package import Metrics

/// What one of them is. A class, so that a value refers to it for nothing.
package final class CloudWatchMetric: Sendable {
    package let name: String
    package let unit: EMFUnit
    package let meaning: String

    init(_ name: String, _ unit: EMFUnit, _ meaning: String) {
        self.name = name
        self.unit = unit
        self.meaning = meaning
    }
}

/// What the agent calls a plug-in.
package struct CloudWatchSubject: Sendable {
    package let name: String
    /// Those that it brings, besides the ones of the settings; in the order in which they are given.
    package let dimensions: [String]
    package let metrics: [CloudWatchMetric]
}

/// The values of one reading, on their way from the arithmetic to a table. Kept for its memory.
struct MetricPoints {
    struct Point {
        let metric: CloudWatchMetric
        let value: Double
    }

    struct Group {
        let dimensions: [EMFDimension]
        /// Several things may have them, and are one to CloudWatch: processes that a selector takes.
        let isShared: Bool
        /// Index of its first point; they end where those of the next group begin.
        let first: Int
    }

    private(set) var groups: [Group] = []
    private(set) var points: [Point] = []

    mutating func removeAll() {
        groups.removeAll(keepingCapacity: true)
        points.removeAll(keepingCapacity: true)
    }

    /// The values that follow have these dimensions.
    mutating func begin(_ dimensions: [EMFDimension], isShared: Bool = false) {
        groups.append(Group(dimensions: dimensions, isShared: isShared, first: points.count))
    }

    mutating func add(_ metric: CloudWatchMetric, _ value: Double) {
        points.append(Point(metric: metric, value: value))
    }

    /// What was added to a counter. One that went back was reset: what passed is not known, and it is left out once.
    mutating func add(_ metric: CloudWatchMetric, from old: UInt64, to new: UInt64, times unit: Double = 1) {
        if new >= old { add(metric, Double(new - old) * unit) }
    }

    /// Of several groups those of the dimensions that were given last.
    func points(of index: Int) -> ArraySlice<Point> {
        points[groups[index].first..<(index + 1 < groups.count ? groups[index + 1].first : points.count)]
    }
}

extension Array {
    /// The element of an earlier reading that has this name. Readings have the same order, so it is nearly always where
    /// it was.
    func earlier(_ name: String, at index: Int, _ nameOf: (Element) -> String) -> Element? {
        if index < count, nameOf(self[index]).hasSameBytes(as: name) { return self[index] }
        return first { nameOf($0).hasSameBytes(as: name) }
    }
}
