// Counters of the IP stack, from /proc/net/netstat, snmp and snmp6: those for which <protocol>_<name> matches `fields`.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct NetstatCollector: Collector {
    static let name = "netstat"
    static let isEnabledByDefault = true
    /// None has a fixed name.
    static let metrics: [MetricDescriptor] = []

    private static let defaultFields =
        "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
        + "|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)"
        + "|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
        + "|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"

    private let netstat: KernelFile
    private let snmp: KernelFile
    private let snmp6: KernelFile
    private var netstatFamilies: FieldFamilies
    private var snmpFamilies: FieldFamilies
    private var snmp6Families: FieldFamilies

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        netstat = KernelFile("\(host.proc)/net/netstat")
        snmp = KernelFile("\(host.proc)/net/snmp")
        snmp6 = KernelFile("\(host.proc)/net/snmp6")
        let fields = try section.pattern("fields", default: Self.defaultFields)
        func families(_ file: String) -> FieldFamilies {
            FieldFamilies { group, name, _ in
                guard fields?.matches("\(group)_\(name)") ?? true else { return [] }
                let metric = MetricDescriptor(
                    "node_netstat_\(metricNamePart(group))_\(metricNamePart(name))", .untyped,
                    help: "\(name) of \(group) as /proc/net/\(file) counts it.")
                return [.init(descriptor: metric)]
            }
        }
        netstatFamilies = families("netstat")
        snmpFamilies = families("snmp")
        snmp6Families = families("snmp6")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        netstatFamilies.add(try netstat.value(NetSNMP.parse), to: &snapshot)
        snmpFamilies.add(try snmp.value(NetSNMP.parse), to: &snapshot)
        // Not there where IPv6 is switched off.
        if let list = try snmp6.valueIfThere(NetSNMP6.parse) { snmp6Families.add(list, to: &snapshot) }
    }
}
