// The list of collectors: a file in Node/ is one line here.

package let allCollectors: [any Collector.Type] = [
    CPUCollector.self,
    FilefdCollector.self,
    LoadavgCollector.self,
    MeminfoCollector.self,
    NetstatCollector.self,
    PressureCollector.self,
    SockstatCollector.self,
    StatCollector.self,
    TimeCollector.self,
    UnameCollector.self,
    VMStatCollector.self,
]
