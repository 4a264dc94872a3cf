// The list of collectors: a file in Node/ is one line here.

package let allCollectors: [any Collector.Type] = [
    CPUCollector.self,
    DiskstatsCollector.self,
    EntropyCollector.self,
    FilefdCollector.self,
    FilesystemCollector.self,
    KernelHungCollector.self,
    LoadavgCollector.self,
    MeminfoCollector.self,
    NetdevCollector.self,
    NetstatCollector.self,
    OSCollector.self,
    PressureCollector.self,
    SchedstatCollector.self,
    SelinuxCollector.self,
    SockstatCollector.self,
    StatCollector.self,
    TimeCollector.self,
    TimexCollector.self,
    UnameCollector.self,
    VMStatCollector.self,
]
