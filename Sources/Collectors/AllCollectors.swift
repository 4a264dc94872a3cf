// The list of collectors: a file in Node/ is one line here.

package let allCollectors: [any Collector.Type] = [
    CPUCollector.self,
    DiskstatsCollector.self,
    FilefdCollector.self,
    FilesystemCollector.self,
    LoadavgCollector.self,
    MdadmCollector.self,
    MeminfoCollector.self,
    NetdevCollector.self,
    NetstatCollector.self,
    NVMeCollector.self,
    NVMeSubsystemCollector.self,
    PressureCollector.self,
    SockstatCollector.self,
    StatCollector.self,
    TimeCollector.self,
    UnameCollector.self,
    VMStatCollector.self,
    XFSCollector.self,
]
