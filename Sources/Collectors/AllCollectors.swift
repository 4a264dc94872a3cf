// The list of collectors: a file in Node/ is one line here.

package let allCollectors: [any Collector.Type] = [
    CPUCollector.self,
    DiskstatsCollector.self,
    FilefdCollector.self,
    FilesystemCollector.self,
    LoadavgCollector.self,
    LogindCollector.self,
    MeminfoCollector.self,
    NetdevCollector.self,
    NetstatCollector.self,
    PressureCollector.self,
    SockstatCollector.self,
    StatCollector.self,
    SystemdCollector.self,
    TextfileCollector.self,
    TimeCollector.self,
    UnameCollector.self,
    VMStatCollector.self,
]
