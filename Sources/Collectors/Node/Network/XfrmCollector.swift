// Packets that IPsec could not handle, from /proc/net/xfrm_stat. See Documentation/networking/xfrm_proc.rst.

internal import Metrics
internal import Procfs
internal import Settings

struct XfrmCollector: Collector {
    static let name = "xfrm"
    static let isEnabledByDefault = false
    static let metrics = fields.map(\.metric)

    /// The fields that node_exporter serves; newer kernels have a few more.
    private static let fields = [
        ("XfrmInError", "in_error", "Received, and refused for reasons of no other counter."),
        ("XfrmInBufferError", "in_buffer_error", "Received, and there was no buffer left."),
        ("XfrmInHdrError", "in_hdr_error", "Received with an error in the header."),
        ("XfrmInNoStates", "in_no_states", "Received, and no state was found for them."),
        (
            "XfrmInStateProtoError", "in_state_proto_error",
            "Received with an error of the protocol, such as a wrong key."
        ),
        ("XfrmInStateModeError", "in_state_mode_error", "Received with an error of the mode."),
        ("XfrmInStateSeqError", "in_state_seq_error", "Received with a number outside of the window."),
        ("XfrmInStateExpired", "in_state_expired", "Received for a state that has expired."),
        ("XfrmInStateMismatch", "in_state_mismatch", "Received for a state that does not match."),
        ("XfrmInStateInvalid", "in_state_invalid", "Received for a state that is not valid."),
        ("XfrmInTmplMismatch", "in_tmpl_mismatch", "Received, and no template matches the states."),
        ("XfrmInNoPols", "in_no_pols", "Received, and no policy was found for the states."),
        ("XfrmInPolBlock", "in_pol_block", "Received, and dropped by a policy."),
        ("XfrmInPolError", "in_pol_error", "Received for a policy that has an error."),
        ("XfrmOutError", "out_error", "Not sent for reasons of no other counter."),
        ("XfrmOutBundleGenError", "out_bundle_gen_error", "Not sent since no bundle could be made."),
        ("XfrmOutBundleCheckError", "out_bundle_check_error", "Not sent since the bundle was not valid."),
        ("XfrmOutNoStates", "out_no_states", "Not sent since no state was found."),
        ("XfrmOutStateProtoError", "out_state_proto_error", "Not sent for an error of the protocol."),
        ("XfrmOutStateModeError", "out_state_mode_error", "Not sent for an error of the mode."),
        ("XfrmOutStateSeqError", "out_state_seq_error", "Not sent since the numbers have run out."),
        ("XfrmOutStateExpired", "out_state_expired", "Not sent since the state has expired."),
        ("XfrmOutPolBlock", "out_pol_block", "Not sent since a policy drops them."),
        ("XfrmOutPolDead", "out_pol_dead", "Not sent since the policy is dead."),
        ("XfrmOutPolError", "out_pol_error", "Not sent for an error of the policy."),
        ("XfrmFwdHdrError", "fwd_hdr_error", "Not forwarded for an error in the header."),
        ("XfrmOutStateInvalid", "out_state_invalid", "Not sent since the state is not valid."),
        ("XfrmAcquireError", "acquire_error", "Not sent since a state could not be asked for."),
    ].map { field, name, help in
        (field: field, metric: MetricDescriptor("node_xfrm_\(name)_packets_total", .counter, help: help))
    }

    private let file: KernelFile
    private var families = FieldFamilies { _, name, _ in
        fields.first { $0.field == name }.map { [.init(descriptor: $0.metric)] } ?? []
    }

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/net/xfrm_stat")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        families.add(try file.value(VMStat.parse), to: &snapshot)
    }
}
