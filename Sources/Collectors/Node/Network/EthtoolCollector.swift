// node_ethtool_*, node_network_*_supported and _advertised: what the drivers of network interfaces count and can do.
//
// Each driver has names of its own for what it counts; a metric is named after them.

internal import Bytes
package import Metrics
internal import Platform
package import Procfs
package import Settings

/// Statistics, driver and link modes of network interfaces, as ethtool(8) shows them.
package struct EthtoolCollector: Collector {
    package static let name = "ethtool"
    package static let isEnabledByDefault = false
    package static let metrics =
        [info] + EthtoolNames.known.map(\.descriptor) + EthtoolLinkMetrics.all

    static let info = MetricDescriptor(
        "node_ethtool_info", .gauge,
        labels: ["bus_info", "device", "driver", "expansion_rom_version", "firmware_version", "version"],
        help: "The driver of a network interface; always 1.")

    private let filter: NameFilter
    private let metricsInclude: Pattern?
    private let client = NetlinkClient(.route)
    private var names = EthtoolNames()
    private var interfaces: [UInt32: EthtoolInterface] = [:]
    private var present: [(index: UInt32, name: Path)] = []

    /// Asks the kernel for its own network namespace, wherever `host.sys` is.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        filter = try NameFilter(&section, "device")
        metricsInclude = try section.pattern("metrics_include", default: ".*")
    }

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        do throws(NetlinkFailure) {
            try client.ask(LinkAttributes.request, begin: { present.removeAll(keepingCapacity: true) }) {
                bytes, count, sequence throws(NetlinkError) in
                try LinkAttributes.forEach(bytes, count: count, sequence: sequence) { link in
                    // Most often the name is that of the last time, and costs no memory.
                    let name = bytes[link.name]
                    if let known = interfaces[link.index]?.name, name.elementsEqual(known.bytes) {
                        present.append((link.index, known))
                    } else {
                        present.append((link.index, Path(name)))
                    }
                }
            }
        } catch {
            throw CollectError(error)
        }
        var kept: [UInt32: EthtoolInterface] = [:]
        var problem: NetlinkFailure?
        var hasRead = false
        for (index, name) in present where kept[index] == nil && filter.takes(name) {
            let old = interfaces[index].flatMap { $0.name == name ? $0 : nil }
            let interface = old ?? EthtoolInterface(name)
            kept[index] = interface
            do throws(NetlinkFailure) {
                try interface.add(to: &snapshot, asking: client, names: &names, only: metricsInclude)
                hasRead = true
            } catch {
                var reason = error.description
                if case .socket(let errno) = error { reason = errno.description }
                SkippedRows.note(of: "ethtool \(name)", reason)
                problem = error
            }
        }
        if kept.count < interfaces.count { names.forget(but: kept.values.flatMap(\.descriptors)) }
        interfaces = kept
        if let problem, !hasRead { throw CollectError(problem) }
    }
}

/// One interface. Its driver's names are read again only when the driver says something else of itself.
private final class EthtoolInterface {
    let name: Path
    private let label: String
    private var driverBytes: [UInt8] = []
    private var infoLabels: [String] = []
    private var linkBytes: [UInt8] = []
    private var link: EthtoolLink?
    private var linkRequest = Ethtool.linkRequest(words: 0)
    /// The request, and then each answer, which has the same head.
    private var statistics: [UInt8] = []
    /// By position in what the driver counts.
    private var series: [(position: Int, descriptor: MetricDescriptor)] = []

    var descriptors: [MetricDescriptor] { series.map(\.descriptor) }

    init(_ name: Path) {
        self.name = name
        label = name.label
    }

    func add(
        to snapshot: inout Snapshot, asking client: NetlinkClient, names: inout EthtoolNames, only pattern: Pattern?
    ) throws(NetlinkFailure) {
        // A driver that fails to tell of its link may well count.
        var problem: NetlinkFailure?
        do throws(NetlinkFailure) { try readLink(client) } catch { (link, linkBytes, problem) = (nil, [], error) }
        if let link { EthtoolLinkMetrics.add(link, of: label, to: &snapshot) }
        try addDriver(to: &snapshot, asking: client, names: &names, only: pattern)
        if let problem { throw problem }
    }

    private func addDriver(
        to snapshot: inout Snapshot, asking client: NetlinkClient, names: inout EthtoolNames, only pattern: Pattern?
    ) throws(NetlinkFailure) {
        guard try readDriver(client, &names, pattern) else { return }
        snapshot.add(EthtoolCollector.info, 1, labels: infoLabels)
        guard !series.isEmpty else { return }
        guard try client.ethtool(name, &statistics) else { return }
        let count = Ethtool.statisticCount(statistics)
        // Fewer than there are names: the driver is counting other things now, which the next reading finds.
        for (position, descriptor) in series where position < count {
            snapshot.add(descriptor, Double(Ethtool.statistic(position, of: statistics)), label)
        }
    }

    private func readLink(_ client: NetlinkClient) throws(NetlinkFailure) {
        var answer = linkRequest
        guard try client.ethtool(name, &answer) else {
            link = nil
            linkBytes = []
            return
        }
        if let words = EthtoolLink.wantedWords(answer) {
            linkRequest = Ethtool.linkRequest(words: words)
            answer = linkRequest
            guard try client.ethtool(name, &answer), EthtoolLink.wantedWords(answer) == nil else { return }
        }
        if answer != linkBytes {
            link = EthtoolLink(answer)
            linkBytes = answer
        }
    }

    /// False when there is no driver that tells.
    private func readDriver(
        _ client: NetlinkClient, _ names: inout EthtoolNames, _ pattern: Pattern?
    ) throws(NetlinkFailure) -> Bool {
        var answer = Ethtool.driverRequest()
        guard try client.ethtool(name, &answer) else { return false }
        guard answer != driverBytes else { return true }
        guard let driver = EthtoolDriver(answer) else { return false }
        infoLabels = [
            driver.busInfo, label, driver.driver, driver.expansionROMVersion, driver.firmwareVersion, driver.version,
        ]
        series = []
        if driver.statisticCount > 0 {
            var list = Ethtool.namesRequest(count: driver.statisticCount)
            guard try client.ethtool(name, &list) else { return true }
            series = names.series(of: Ethtool.names(list), only: pattern)
            statistics = Ethtool.statisticsRequest(count: driver.statisticCount)
        }
        driverBytes = answer
        return true
    }
}
