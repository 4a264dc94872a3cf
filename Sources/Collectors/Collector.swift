// What a collector is: see CONTRIBUTING.md for how to write one, PressureCollector for one to copy.

package import Metrics
package import Platform
package import Procfs
package import Settings

/// Why a collector added nothing, or not all.
package enum CollectError: Error, Equatable, CustomStringConvertible {
    /// This kernel or machine does not have what the collector reads. Said once.
    case absent(String)
    case failed(String)

    package init(_ error: KernelFileError) { self = .failed(error.description) }

    package var description: String {
        switch self {
        case .absent(let what): what
        case .failed(let what): what
        }
    }
}

/// Reads one subject of the host. `SendableMetatype`, so that the list of collectors may be a global constant
/// (SE-0470).
package protocol Collector: SendableMetatype {
    static var name: String { get }
    static var isEnabledByDefault: Bool { get }
    /// All metrics with fixed names: for `vitals collectors`, and for a test that lints the names.
    static var metrics: [MetricDescriptor] { get }

    /// `node_scrape_collector_success` is 1 also when `collect` has just said that it is absent, as node_exporter has
    /// it for some.
    var isAbsenceSuccess: Bool { get }

    /// Asks `section` for its options; the caller calls `finish()` on it.
    init(_ section: inout SettingsSection, host: Host) throws(SettingsError)

    /// Adds what the host has now. What was added before an error is thrown is served.
    mutating func collect(into snapshot: inout Snapshot) throws(CollectError)

    /// The same for one that waits for what may hang: what has not answered well before `deadline`, when the scrape
    /// gives up the whole collector, it must give up by itself.
    mutating func collect(into snapshot: inout Snapshot, until deadline: Instant) throws(CollectError)
}

extension Collector {
    package var isAbsenceSuccess: Bool { NodeExporter.successfulWhenAbsent.contains(Self.name) }

    package mutating func collect(into snapshot: inout Snapshot, until deadline: Instant) throws(CollectError) {
        try collect(into: &snapshot)
    }
}
