// What is served of an NFS mount: the table of MountstatsCollector.

internal import Metrics
internal import Procfs

enum MountstatsMetrics {
    typealias Reading<Value> = (descriptor: MetricDescriptor, value: @Sendable (Value) -> Double)

    static let all =
        mounts.map(\.descriptor) + [info] + transports.map(\.descriptor) + operations.map(\.descriptor)

    static let info = MetricDescriptor(
        "node_mountstats_nfs_mountpoint_info", .gauge, labels: ["export", "mountaddr", "mountpoint", "protocol"],
        help: "Where an NFS mount is; always 1.")

    static let mounts: [Reading<NFSMount>] =
        [mount("age_seconds_total", "Time since the mount.") { Double($0.ageSeconds) }]
        + bytes.enumerated().map { index, metric in mount(metric.name, metric.help) { Double($0.bytes[index]) } }
        + events.enumerated().compactMap { index, metric in
            metric.map { metric in mount("event_" + metric.name, metric.help) { Double($0.events[index]) } }
        }

    /// In the order of enum nfs_stat_bytecounters.
    private static let bytes = [
        ("read_bytes_total", "Bytes read by read(2)."),
        ("write_bytes_total", "Bytes written by write(2)."),
        ("direct_read_bytes_total", "Bytes read with O_DIRECT."),
        ("direct_write_bytes_total", "Bytes written with O_DIRECT."),
        ("total_read_bytes_total", "Bytes read from the server."),
        ("total_write_bytes_total", "Bytes written to the server."),
        ("read_pages_total", "Pages read."),
        ("write_pages_total", "Pages written."),
    ].map { (name: $0.0, help: $0.1) }

    /// In the order of enum nfs_stat_eventcounters; nil for what is not served.
    private static let events: [(name: String, help: String)?] = [
        ("inode_revalidate_total", "Attributes of files asked for again."),
        ("dnode_revalidate_total", "Names asked for again."),
        ("data_invalidate_total", "Times that the cached data of a file was dropped."),
        ("attribute_invalidate_total", "Times that the cached attributes of a file were dropped."),
        ("vfs_open_total", "Files and directories opened."),
        ("vfs_lookup_total", "Names looked up in directories."),
        ("vfs_access_total", "Permissions checked."),
        ("vfs_update_page_total", "Pages updated in the cache."),
        ("vfs_read_page_total", "Pages read alone."),
        ("vfs_read_pages_total", "Groups of pages read."),
        ("vfs_write_page_total", "Pages written alone."),
        ("vfs_write_pages_total", "Groups of pages written."),
        ("vfs_getdents_total", "Times that entries of directories were read."),
        ("vfs_setattr_total", "Times that attributes were set."),
        ("vfs_flush_total", "Times that what was to be written was flushed."),
        ("vfs_fsync_total", "Calls of fsync(2)."),
        ("vfs_lock_total", "Locks of files asked for."),
        ("vfs_file_release_total", "Files closed for the last time."),
        nil,  // The kernel waited for congestion to end: not in newer ones.
        ("truncation_total", "Files truncated."),
        ("write_extension_total", "Files that grew by being written past their end."),
        ("silly_rename_total", "Files removed while open, and renamed instead."),
        ("short_read_total", "Reads for which the server sent less than asked."),
        ("short_write_total", "Writes of which the server took less than sent."),
        ("jukebox_delay_total", "Times that the server asked to come back later."),
        ("pnfs_read_total", "Reads by pNFS."),
        ("pnfs_write_total", "Writes by pNFS."),
    ]

    static let transports: [Reading<NFSMount.Transport>] = [
        transport("bind_total", .counter, "Local ports bound.") { Double($0.binds) },
        transport("connect_total", .counter, "Connections made to the server.") { Double($0.connects) },
        transport("idle_time_seconds", .gauge, "Time since the last request.") { wrapped($0.idleSeconds) },
        transport("sends_total", .counter, "Requests sent.") { Double($0.sends) },
        transport("receives_total", .counter, "Answers received.") { Double($0.receives) },
        transport("bad_transaction_ids_total", .counter, "Answers to no request that is known.") {
            Double($0.badTransactions)
        },
        transport("backlog_queue_total", .counter, "Length of the backlog, added up at each request.") {
            Double($0.backlogQueue)
        },
        transport("maximum_rpc_slots", .gauge, "Requests that were under way together at most.") {
            Double($0.maximumSlots)
        },
        transport("sending_queue_total", .counter, "Length of the sending queue, added up at each request.") {
            Double($0.sendingQueue)
        },
        transport("pending_queue_total", .counter, "Length of the pending queue, added up at each request.") {
            Double($0.pendingQueue)
        },
    ]

    static let operations: [Reading<NFSMount.Operation>] = [
        operation("requests_total", "Requests of a procedure.") { Double($0.requests) },
        operation("transmissions_total", "Transmissions of requests of a procedure.") { Double($0.transmissions) },
        operation("major_timeouts_total", "Requests of a procedure that timed out for good.") {
            Double($0.majorTimeouts)
        },
        operation("sent_bytes_total", "Bytes sent for a procedure, with headers.") { Double($0.bytesSent) },
        operation("received_bytes_total", "Bytes received for a procedure, with headers.") {
            Double($0.bytesReceived)
        },
        operation("queue_time_seconds_total", "Time that requests waited to be sent.") {
            wrapped($0.queueMilliseconds) / 1_000
        },
        operation("response_time_seconds_total", "Time that answers took after the requests were sent.") {
            wrapped($0.responseMilliseconds) / 1_000
        },
        operation("request_time_seconds_total", "Time that requests took in all.") {
            wrapped($0.requestMilliseconds) / 1_000
        },
    ]

    /// A time that has run below 0 still counts upwards when it is cut to what a double holds exactly.
    private static func wrapped(_ value: UInt64) -> Double { Double(value & ((1 << 53) - 1)) }

    private static func mount(
        _ name: String, _ help: String, _ value: @escaping @Sendable (NFSMount) -> Double
    ) -> Reading<NFSMount> {
        let labels = ["export", "mountaddr", "protocol"]
        return (MetricDescriptor("node_mountstats_nfs_" + name, .counter, labels: labels, help: help), value)
    }

    private static func transport(
        _ name: String, _ kind: MetricKind, _ help: String,
        _ value: @escaping @Sendable (NFSMount.Transport) -> Double
    ) -> Reading<NFSMount.Transport> {
        let labels = ["export", "mountaddr", "protocol", "transport"]
        return (MetricDescriptor("node_mountstats_nfs_transport_" + name, kind, labels: labels, help: help), value)
    }

    private static func operation(
        _ name: String, _ help: String, _ value: @escaping @Sendable (NFSMount.Operation) -> Double
    ) -> Reading<NFSMount.Operation> {
        let labels = ["export", "mountaddr", "operation", "protocol"]
        return (MetricDescriptor("node_mountstats_nfs_operations_" + name, .counter, labels: labels, help: help), value)
    }
}
