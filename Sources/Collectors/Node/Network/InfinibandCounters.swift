// The counters of an InfiniBand or RoCE port: the table of InfinibandCollector. See
// Documentation/ABI/stable/sysfs-class-infiniband, and "Understanding mlx5 Linux Counters" of NVIDIA.

internal import Metrics

enum InfinibandCounters {
    struct Counter: Sendable {
        /// In the directory of the port.
        let path: String
        let descriptor: MetricDescriptor
        let factor: Double

        fileprivate init(_ path: String, _ name: String, _ kind: MetricKind, _ factor: Double, _ help: String) {
            self.path = path
            self.factor = factor
            descriptor = MetricDescriptor(
                "node_infiniband_" + name, kind, labels: ["device", "port"], help: help)
        }
    }

    static let all = port + legacy + hardware + [lifespan]

    /// Data is counted in words of four bytes.
    private static let wordBytes = 4.0

    private static let port = [
        ("excessive_buffer_overrun_errors", "excessive_buffer_overrun_errors", 1, "Times that buffers overran often."),
        ("link_downed", "link_downed", 1, "Times that the link went down."),
        ("link_error_recovery", "link_error_recovery", 1, "Times that the link recovered from an error."),
        (
            "local_link_integrity_errors", "local_link_integrity_errors", 1,
            "Times that local errors of the link were many."
        ),
        ("multicast_rcv_packets", "multicast_packets_received", 1, "Multicast packets received."),
        ("multicast_xmit_packets", "multicast_packets_transmitted", 1, "Multicast packets sent."),
        ("port_rcv_constraint_errors", "port_constraint_errors_received", 1, "Packets received and refused by a rule."),
        ("port_rcv_data", "port_data_received_bytes", wordBytes, "Bytes received."),
        ("port_rcv_discards", "port_discards_received", 1, "Packets received and discarded."),
        ("port_rcv_errors", "port_errors_received", 1, "Packets received with an error."),
        ("port_rcv_packets", "port_packets_received", 1, "Packets received."),
        (
            "port_rcv_remote_physical_errors", "port_receive_remote_physical_errors", 1,
            "Packets received that were marked as bad on their way."
        ),
        (
            "port_rcv_switch_relay_errors", "port_receive_switch_relay_errors", 1,
            "Packets that a switch could not pass on."
        ),
        ("port_xmit_constraint_errors", "port_constraint_errors_transmitted", 1, "Packets not sent because of a rule."),
        ("port_xmit_data", "port_data_transmitted_bytes", wordBytes, "Bytes sent."),
        ("port_xmit_discards", "port_discards_transmitted", 1, "Packets discarded instead of being sent."),
        ("port_xmit_packets", "port_packets_transmitted", 1, "Packets sent."),
        ("port_xmit_wait", "port_transmit_wait", 1, "Ticks in which there was data and none could be sent."),
        ("symbol_error", "symbol_error", 1, "Errors of the physical link."),
        ("unicast_rcv_packets", "unicast_packets_received", 1, "Unicast packets received."),
        ("unicast_xmit_packets", "unicast_packets_transmitted", 1, "Unicast packets sent."),
        ("VL15_dropped", "vl15_dropped", 1, "Packets of management dropped for want of room."),
    ].map { file, name, factor, help in Counter("counters/\(file)", "\(name)_total", .counter, factor, help) }

    /// Before Linux 4.5 the counters of 64 bits were beside the others.
    private static let legacy = [
        ("port_multicast_rcv_packets", "multicast_packets_received", 1, "Multicast packets received."),
        ("port_multicast_xmit_packets", "multicast_packets_transmitted", 1, "Multicast packets sent."),
        ("port_rcv_data_64", "data_received_bytes", wordBytes, "Bytes received."),
        ("port_rcv_packets_64", "packets_received", 1, "Packets received."),
        ("port_unicast_rcv_packets", "unicast_packets_received", 1, "Unicast packets received."),
        ("port_unicast_xmit_packets", "unicast_packets_transmitted", 1, "Unicast packets sent."),
        ("port_xmit_data_64", "data_transmitted_bytes", wordBytes, "Bytes sent."),
        ("port_xmit_packets_64", "packets_transmitted", 1, "Packets sent."),
    ].map { file, name, factor, help in
        Counter(
            "counters_ext/\(file)", "legacy_\(name)_total", .counter, factor,
            "\(help.dropLast()), by an old kernel's counters of 64 bits.")
    }

    private static let hardware = [
        ("duplicate_request", "duplicate_requests_packets", "Requests received twice."),
        ("implied_nak_seq_err", "implied_nak_seq_errors", "Acknowledgements that skipped an answer."),
        ("local_ack_timeout_err", "local_ack_timeout_errors", "Times that an acknowledgement did not come."),
        ("np_cnp_sent", "np_cnp_packets_sent", "Notices of congestion sent."),
        (
            "np_ecn_marked_roce_packets", "np_ecn_marked_roce_packets_received",
            "Packets received with a mark of congestion."
        ),
        ("out_of_buffer", "out_of_buffer_drops", "Packets dropped since no receive buffer was posted."),
        ("out_of_sequence", "out_of_sequence_packets_received", "Packets received out of sequence."),
        ("packet_seq_err", "packet_sequence_errors", "Refusals received for an error of sequence."),
        ("req_cqe_error", "req_cqes_errors", "Requests that completed with an error."),
        ("req_cqe_flush_error", "req_cqes_flush_errors", "Requests that were flushed."),
        ("req_remote_access_errors", "req_remote_access_errors", "Requests refused by the other end's memory."),
        (
            "req_remote_invalid_request", "req_remote_invalid_request_errors",
            "Requests that the other end found invalid."
        ),
        ("resp_cqe_error", "resp_cqes_errors", "Answers that completed with an error."),
        ("resp_cqe_flush_error", "resp_cqes_flush_errors", "Answers that were flushed."),
        ("resp_local_length_error", "resp_local_length_errors", "Requests received with a wrong length."),
        ("resp_remote_access_errors", "resp_remote_access_errors", "Requests received for memory that is not open."),
        ("rnr_nak_retry_err", "rnr_nak_retry_packets_received", "Refusals received since the other end was not ready."),
        ("roce_adp_retrans", "roce_adp_retransmits", "Adaptive retransmissions."),
        ("roce_adp_retrans_to", "roce_adp_retransmits_timeout", "Times that adaptive retransmissions timed out."),
        ("roce_slow_restart", "roce_slow_restart_used", "Times that the slow restart was used."),
        ("roce_slow_restart_cnps", "roce_slow_restart_cnps", "Notices of congestion that slow restarts made."),
        ("roce_slow_restart_trans", "roce_slow_restart", "Times that a slow restart began."),
        ("rp_cnp_handled", "rp_cnp_packets_handled", "Notices of congestion received and followed."),
        ("rp_cnp_ignored", "rp_cnp_ignored_packets_received", "Notices of congestion received and ignored."),
        ("rx_atomic_requests", "rx_atomic_requests", "Atomic requests received."),
        ("rx_dct_connect", "rx_dct_connect_requests", "Requests for dynamic connections received."),
        ("rx_icrc_encapsulated", "rx_icrc_encapsulated_errors", "Packets received with a wrong invariant checksum."),
        ("rx_read_requests", "rx_read_requests", "Read requests received."),
        ("rx_write_requests", "rx_write_requests", "Write requests received."),
    ].map { file, name, help in Counter("hw_counters/\(file)", "\(name)_total", .counter, 1, help) }

    /// In milliseconds.
    private static let lifespan = Counter(
        "hw_counters/lifespan", "lifespan_seconds", .gauge, 0.001, "How old the hardware's counters may be.")
}
