// node_network_route_info, node_network_routes: the routing tables.

package import Metrics
internal import Platform
package import Procfs
package import Settings

/// Unicast routes of IPv4 and IPv6, of all tables.
package struct NetworkRouteCollector: Collector {
    package static let name = "network_route"
    package static let isEnabledByDefault = false
    package static let metrics = [info, routes]

    static let info = MetricDescriptor(
        "node_network_route_info", .gauge, labels: ["dest", "device", "gw", "priority", "proto", "src", "weight"],
        help: "A route, or one of its ways when it has several; always 1.")
    static let routes = MetricDescriptor(
        "node_network_routes", .gauge, labels: ["device"], help: "Routes that lead through an interface.")

    private let client = NetlinkClient(.route)
    private var table = RouteTable()

    /// Asks the kernel for its own network namespace, wherever `host.proc` is.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {}

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        do throws(NetlinkFailure) {
            try client.ask(Route.request, begin: { table.begin() }) { bytes, count, sequence throws(NetlinkError) in
                try Route.forEach(bytes, count: count, sequence: sequence) { table.take($0) }
            }
            try table.add(to: &snapshot) { index throws(NetlinkFailure) in try client.interfaceName(index) }
        } catch {
            throw CollectError(error)
        }
    }
}

/// The routes of a dump. The label values of those that stay are kept.
struct RouteTable {
    private struct Known {
        var labels: [String] = []
        /// What makes it a series of its own.
        var key: [ExactText] = []
        var device = ""
        var dump = 0
    }

    private var routes: [Route] = []
    private var counts = InterfaceCounts()
    private var known: [Route: Known] = [:]
    private var served: Set<[ExactText]> = []
    private var dump = 0

    mutating func begin() {
        routes.removeAll(keepingCapacity: true)
        counts.removeAll()
        dump += 1
    }

    mutating func take(_ route: Route) {
        routes.append(route)
        counts.add(route.interface)
    }

    /// `name` gives the name of an interface, nil when it is gone meanwhile.
    mutating func add<Failure>(
        to snapshot: inout Snapshot, name: (UInt32) throws(Failure) -> String?
    ) throws(Failure) {
        var names: [UInt32: String] = [:]
        for (interface, count) in counts.counts {
            guard let name = try name(interface) else { continue }
            names[interface] = name
            snapshot.add(NetworkRouteCollector.routes, Double(count), name)
        }
        served.removeAll(keepingCapacity: true)
        for route in routes {
            guard let device = names[route.interface] else { continue }
            var entry = known[route] ?? Known()
            if !entry.device.hasSameBytes(as: device) {
                let labels = Self.labels(route, device)
                entry = Known(labels: labels, key: labels.map { ExactText($0) }, device: device)
            }
            if entry.dump != dump {
                entry.dump = dump
                known[route] = entry
            }
            // Two tables may have the same route, and numbers of protocols without a name look the same.
            guard served.insert(entry.key).inserted else { continue }
            snapshot.add(NetworkRouteCollector.info, 1, labels: entry.labels)
        }
        if known.count > routes.count { known = known.filter { $0.value.dump == dump } }
    }

    private static func labels(_ route: Route, _ device: String) -> [String] {
        [
            route.destination.map { "\($0.text)/\(route.prefixLength)" } ?? "default", device,
            route.gateway?.text ?? "", "\(route.priority)", route.protocolName, route.source?.text ?? "",
            route.weight.map { "\($0)" } ?? "",
        ]
    }
}
