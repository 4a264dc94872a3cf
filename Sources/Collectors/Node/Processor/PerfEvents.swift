// The events that PerfCollector knows, by the names that node_exporter's options have for them.

internal import Metrics
internal import Platform

/// One event and what it is served as.
struct PerfSeries: Sendable {
    /// As in the options.
    let option: String
    let event: PerfEvent
    let descriptor: MetricDescriptor

    private init(_ option: String, _ event: PerfEvent, _ name: String, _ help: String) {
        self.option = option
        self.event = event
        descriptor = MetricDescriptor("node_perf_\(name)_total", .counter, labels: ["cpu"], help: help)
    }

    static let hardware = [
        PerfSeries("CpuCycles", .hardware(0), "cpucycles", "Cycles, at whatever frequency the CPU ran."),
        PerfSeries("CpuInstr", .hardware(1), "instructions", "Instructions that were retired."),
        PerfSeries("CacheRef", .hardware(2), "cache_refs", "Accesses to the last cache."),
        PerfSeries("CacheMisses", .hardware(3), "cache_misses", "Accesses that the last cache could not serve."),
        PerfSeries("BranchInstr", .hardware(4), "branch_instructions", "Branches that were retired."),
        PerfSeries("BranchMisses", .hardware(5), "branch_misses", "Branches that were predicted wrongly."),
        PerfSeries("StalledCyclesFrontend", .hardware(7), "stalled_cycles_frontend", "Cycles without instructions."),
        PerfSeries("StalledCyclesBackend", .hardware(8), "stalled_cycles_backend", "Cycles that waited for resources."),
        PerfSeries("RefCpuCycles", .hardware(9), "ref_cpucycles", "Cycles at a frequency that is always the same."),
    ]

    static let software = [
        PerfSeries("PageFault", .software(2), "page_faults", "Page faults."),
        PerfSeries("ContextSwitch", .software(3), "context_switches", "Switches from one task to another."),
        PerfSeries("CpuMigration", .software(4), "cpu_migrations", "Tasks that moved to another CPU."),
        PerfSeries("MinorFault", .software(5), "minor_faults", "Page faults that needed no I/O."),
        PerfSeries("MajorFault", .software(6), "major_faults", "Page faults that needed I/O."),
    ]

    static let cache = [
        PerfSeries("L1DataReadHit", .cache(.l1Data, .read, .hit), "cache_l1d_read_hits", "Reads of L1 data."),
        PerfSeries("L1DataReadMiss", .cache(.l1Data, .read, .miss), "cache_l1d_read_misses", "Reads that L1 lacked."),
        PerfSeries("L1DataWriteHit", .cache(.l1Data, .write, .hit), "cache_l1d_write_hits", "Writes of L1 data."),
        PerfSeries(
            "L1InstrReadMiss", .cache(.l1Instructions, .read, .miss), "cache_l1_instr_read_misses",
            "Instructions that L1 lacked."),
        PerfSeries("LLReadHit", .cache(.lastLevel, .read, .hit), "cache_ll_read_hits", "Reads of the last level."),
        PerfSeries(
            "LLReadMiss", .cache(.lastLevel, .read, .miss), "cache_ll_read_misses", "Reads the last level lacked."),
        PerfSeries("LLWriteHit", .cache(.lastLevel, .write, .hit), "cache_ll_write_hits", "Writes of the last level."),
        PerfSeries(
            "LLWriteMiss", .cache(.lastLevel, .write, .miss), "cache_ll_write_misses",
            "Writes the last level lacked."),
        PerfSeries(
            "DataTLBReadHit", .cache(.dataTLB, .read, .hit), "cache_tlb_data_read_hits",
            "Reads whose address was in the TLB."),
        PerfSeries(
            "DataTLBReadMiss", .cache(.dataTLB, .read, .miss), "cache_tlb_data_read_misses",
            "Reads whose address the TLB lacked."),
        PerfSeries(
            "DataTLBWriteHit", .cache(.dataTLB, .write, .hit), "cache_tlb_data_write_hits",
            "Writes whose address was in the TLB."),
        PerfSeries(
            "DataTLBWriteMiss", .cache(.dataTLB, .write, .miss), "cache_tlb_data_write_misses",
            "Writes whose address the TLB lacked."),
        PerfSeries(
            "InstrTLBReadHit", .cache(.instructionTLB, .read, .hit), "cache_tlb_instr_read_hits",
            "Instructions whose address was in the TLB."),
        PerfSeries(
            "InstrTLBReadMiss", .cache(.instructionTLB, .read, .miss), "cache_tlb_instr_read_misses",
            "Instructions whose address the TLB lacked."),
        PerfSeries(
            "BPUReadHit", .cache(.branches, .read, .hit), "cache_bpu_read_hits", "Branches that were predicted."),
        PerfSeries(
            "BPUReadMiss", .cache(.branches, .read, .miss), "cache_bpu_read_misses",
            "Branches that the prediction did not know."),
    ]
}
