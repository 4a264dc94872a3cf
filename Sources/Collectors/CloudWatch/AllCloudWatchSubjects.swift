// The list of the CloudWatch vocabulary; docs/host-metrics.md has it as tables, which a test holds to this.

internal import Metrics

package let allCloudWatchSubjects: [CloudWatchSubject] = [
    CPUUsage.subject,
    DiskUse.subject,
    DiskTraffic.subject,
    NVMeTraffic.subject,
    NVMeTraffic.instanceStoreSubject,
    MemoryUse.subject,
    NetTraffic.subject,
    SocketStates.subject,
    ProcessStates.subject,
    ProcessUse.subject,
    ProcessUse.lookupSubject,
    SwapUse.subject,
]

package let allCloudWatchMetrics = allCloudWatchSubjects.flatMap(\.metrics)
