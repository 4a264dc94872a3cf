// The list of collectors: a file in Node/ is one line here.

package let allCollectors: [any Collector.Type] = [
    ARPCollector.self,
    CPUCollector.self,
    DiskstatsCollector.self,
    EthtoolCollector.self,
    FilefdCollector.self,
    FilesystemCollector.self,
    LoadavgCollector.self,
    MeminfoCollector.self,
    NetclassCollector.self,
    NetdevCollector.self,
    NetstatCollector.self,
    NetworkRouteCollector.self,
    PressureCollector.self,
    QdiscCollector.self,
    SockstatCollector.self,
    StatCollector.self,
    TCPStatCollector.self,
    TimeCollector.self,
    UnameCollector.self,
    VMStatCollector.self,
]
