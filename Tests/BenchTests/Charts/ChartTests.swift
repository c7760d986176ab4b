// Charts: valid XML whatever they are told, axes with sensible ticks, points where they belong.
import Foundation
import FoundationXML
import Testing

@testable import Bench

@Suite("Charts")
struct ChartTests {
    /// The elements of an SVG file by their names; throws where it is no XML.
    private final class Elements: NSObject, XMLParserDelegate {
        var found: [String: [[String: String]]] = [:]
        var text = ""

        init(_ svg: String) throws {
            super.init()
            let parser = XMLParser(data: Data(svg.utf8))
            parser.delegate = self
            try #require(parser.parse(), "\(String(describing: parser.parserError)) \(svg)")
        }

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) { found[name, default: []].append(attributes) }

        func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
    }

    private static func panel(_ series: [Chart.Series], isXLogarithmic: Bool = false) -> Chart.Panel {
        var panel = Chart.Panel(title: "P", xLabel: "x", yLabel: "y", series: series)
        panel.isXLogarithmic = isXLogarithmic
        return panel
    }

    @Test("Every series is a line with its points in order, inside of the page; names are escaped")
    func lines() throws {
        let first = Chart.Series(name: "a<b> & \"c\"\u{7}", points: [.init(1, 5), .init(4, 20, range: 10...30)])
        let second = Chart.Series(name: "second", points: [.init(1, 0), .init(4, 7)], hasMarks: false)
        let chart = Chart(title: "T & U", panels: [Self.panel([first, second], isXLogarithmic: true)])
        let elements = try Elements(chart.svg())
        let lines = try #require(elements.found["polyline"])
        #expect(lines.count == 2 && elements.found["circle"]?.count == 2)
        #expect(elements.text.contains("T & U") && elements.text.contains("a<b> & \"c\" "))
        for line in lines {
            let places = try #require(line["points"]).split(separator: " ").map { place in
                place.split(separator: ",").compactMap { Double($0) }
            }
            #expect(places.count == 2 && places.allSatisfy { $0.count == 2 })
            #expect(places[0][0] < places[1][0] && places[0][1] > places[1][1])
            #expect(places.allSatisfy { (68...460).contains($0[0]) && (92...348).contains($0[1]) })
        }
    }

    @Test("Nothing, a single point, zeros and values without end are drawn or left out")
    func edges() throws {
        let points: [[Chart.Point]] = [
            [], [.init(0, 0)], [.init(3, 4)], [.init(.nan, 1), .init(1, .infinity), .init(2, 2)],
            [.init(1e-9, 1e12), .init(1e9, 1e-12)],
        ]
        for isXLogarithmic in [false, true] {
            for points in points {
                let panel = Self.panel([.init(name: "s", points: points)], isXLogarithmic: isXLogarithmic)
                let svg = Chart(title: "", panels: [panel]).svg()
                _ = try Elements(svg)
                #expect(!svg.contains("nan") && !svg.contains("inf"))
            }
        }
    }

    @Test("A linear axis has round ticks from zero to above its values")
    func linearAxis() {
        #expect(ChartAxis([3, 9.5]).ticks == [0, 2, 4, 6, 8, 10])
        #expect(ChartAxis([1000]).ticks == [0, 200, 400, 600, 800, 1000])
        #expect(ChartAxis([0.45]).ticks.map(ChartAxis.label) == ["0", "0.1", "0.2", "0.3", "0.4", "0.5"])
        #expect(ChartAxis([10]).place(2.5) == 0.25)
        for value in [1e-6, 0.7, 1.3, 42, 99.9, 12_345, 8e9] {
            let axis = ChartAxis([value])
            #expect((5...12).contains(axis.ticks.count) && axis.place(value) <= 1 && axis.place(value) > 0.6)
        }
    }

    @Test("A logarithmic axis gives equal factors equal lengths")
    func logarithmicAxis() {
        let axis = ChartAxis([1, 4, 16], isLogarithmic: true, ticks: [1, 4, 16])
        #expect(axis.ticks == [1, 4, 16])
        #expect(abs((axis.place(4) - axis.place(1)) - (axis.place(16) - axis.place(4))) < 1e-12)
        #expect(axis.place(1) > 0 && axis.place(16) < 1)
        #expect(ChartAxis([0.01, 10], isLogarithmic: true).ticks.map(ChartAxis.label) == ["0.01", "0.1", "1", "10"])
        #expect(ChartAxis([12_000, 30_000], isLogarithmic: true).ticks.map(ChartAxis.label) == ["20k"])
    }
}
