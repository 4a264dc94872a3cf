// CloudWatch's embedded metric format: a JSON object that is a log record and carries metrics.
//
//     {"_aws":{"Timestamp":1795230523015,"CloudWatchMetrics":[{"Namespace":"CWAgent","Dimensions":[["cpu","host"]],
//      "Metrics":[{"Name":"cpu_usage_idle","Unit":"Percent"}]}]},"cpu":"cpu0","host":"web-1","cpu_usage_idle":93.5}
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

internal import Bytes

package struct EMFMetric: Sendable, Equatable {
    package var name: String
    package var unit: EMFUnit
    package var value: Double

    package init(_ name: String, _ unit: EMFUnit, _ value: Double) {
        self.name = name
        self.unit = unit
        self.value = value
    }
}

/// Metrics that have the same dimensions.
package struct EMFGroup: Sendable, Equatable {
    package struct Dimension: Sendable, Equatable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var dimensions: [Dimension]
    package var metrics: [EMFMetric]

    package init(dimensions: [Dimension], metrics: [EMFMetric]) {
        self.dimensions = dimensions
        self.metrics = metrics
    }
}

package enum EMFDocument {
    /// Metrics in one directive; with more, CloudWatch takes none of them.
    package static let metricLimit = 100
    /// Dimensions in a set.
    package static let dimensionLimit = 30
    /// Characters of a dimension's value; what is longer is cut.
    package static let dimensionValueLimit = 1024

    /// One document, or several when the group has more metrics than one may hold. Values that are not finite and
    /// dimensions without a value are left out, since CloudWatch would refuse the whole document for them.
    ///
    /// `isHighResolution` asks for points of a second, for what is read more often than once a minute.
    package static func encode(
        _ group: EMFGroup, namespace: String, unixMilliseconds: Int64, isHighResolution: Bool
    ) -> [[UInt8]] {
        let metrics = group.metrics.filter(\.value.isFinite)
        let dimensions = group.dimensions.filter { !$0.value.isEmpty }
        return stride(from: 0, to: metrics.count, by: metricLimit).map { start in
            var json = JSONWriter()
            let part = metrics[start..<min(start + metricLimit, metrics.count)]
            json.object { json in
                json.key("_aws")
                json.object { json in
                    json.key("Timestamp")
                    json.number(Int(unixMilliseconds))
                    json.key("CloudWatchMetrics")
                    json.array { json in
                        json.object { json in
                            directive(namespace, dimensions, part, isHighResolution, into: &json)
                        }
                    }
                }
                for dimension in dimensions {
                    json.key(dimension.name)
                    json.string(String(dimension.value.unicodeScalars.prefix(dimensionValueLimit)))
                }
                for metric in part {
                    json.key(metric.name)
                    json.number(metric.value)
                }
            }
            return json.bytes
        }
    }

    private static func directive(
        _ namespace: String, _ dimensions: [EMFGroup.Dimension], _ metrics: ArraySlice<EMFMetric>,
        _ isHighResolution: Bool, into json: inout JSONWriter
    ) {
        json.key("Namespace")
        json.string(namespace)
        json.key("Dimensions")
        json.array { json in
            json.array { json in
                for dimension in dimensions { json.string(dimension.name) }
            }
        }
        json.key("Metrics")
        json.array { json in
            for metric in metrics {
                json.object { json in
                    json.key("Name")
                    json.string(metric.name)
                    json.key("Unit")
                    json.string(metric.unit.rawValue)
                    if isHighResolution {
                        json.key("StorageResolution")
                        json.number(1)
                    }
                }
            }
        }
    }
}
