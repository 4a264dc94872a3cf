// What a collector is: see CONTRIBUTING.md for how to write one, PressureCollector for one to copy.

package import Metrics
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

    /// Asks `section` for its options; the caller calls `finish()` on it.
    init(_ section: inout SettingsSection, host: Host) throws(SettingsError)

    /// How long it waits by itself for what may hang, and the option that says so: it must give that up before the
    /// scrape gives up the whole collector. nil when it only reads.
    var ownTimeout: (option: String, time: Duration)? { get }

    /// Adds what the host has now. What was added before an error is thrown is served.
    mutating func collect(into snapshot: inout Snapshot) throws(CollectError)
}

extension Collector {
    package var ownTimeout: (option: String, time: Duration)? { nil }
}
