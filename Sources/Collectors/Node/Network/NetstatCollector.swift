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
        var problem = FirstProblem()
        if let list = try problem.noted(netstat, NetSNMP.parse) { netstatFamilies.add(list, to: &snapshot) }
        if let list = try problem.noted(snmp, NetSNMP.parse) { snmpFamilies.add(list, to: &snapshot) }
        // Not there where IPv6 is switched off.
        let list6 = problem.noted { () throws(KernelFileError) in try snmp6.read(NetSNMP6.parse) }
        if let list6 { snmp6Families.add(list6, to: &snapshot) }
        try problem.throwIfAny()
    }
}
