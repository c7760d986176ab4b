// What a chat is made of: instructions, settings, turns, and messages in files. Must not know: terminals.
import Foundation
import Sequences
import Testing

@testable import CLI

@Suite("What a chat is made of")
struct ChatValueTests {
    @Test("A line that begins with a slash and a word is a command; all else is a message")
    func instructions() {
        for (text, instruction) in [
            ("Hello", ChatInstruction.message("Hello")), ("  two\nlines ", .message("two\nlines")), ("", .nothing),
            (" \t", .nothing), ("/help", .help), ("/exit ", .exit), ("/system Be brief.", .system("Be brief.")),
            ("/system", .system(nil)), ("/set temperature 0.3", .set("temperature 0.3")),
            ("/save a b.json", .save("a b.json")),
            ("/save", .incomplete("/save")), ("/nonsense", .unknown("/nonsense")),
            ("/usr/bin/env what?", .message("/usr/bin/env what?")),
            ("/* comment */", .message("/* comment */")), ("/exit\nnow", .message("/exit\nnow")),
            ("/reasoning on", .reasoning("on")),
        ] {
            #expect(ChatInstruction(text) == instruction, "\(text)")
        }
    }

    @Test("Every sampling field can be set and taken back; what has no meaning changes nothing")
    func settings() throws {
        var request = GenerationRequest(prompt: .messages([]))
        for change in [
            "temperature 0.3", "top_k 5", "top-p=0.5", "--min-p 0.1", "repeat_penalty 1.1", "presence_penalty -0.5",
            "frequency_penalty 0.25", "max_tokens 7", "seed 18446744073709551615", "logit_bias 5=-1.5 6=2",
            "stop END OF IT", "stop_token 7", "stop-token 5 7",
        ] {
            try ChatSetting.change(&request, by: change)
        }
        let sampling = request.sampling
        #expect(sampling.temperature == 0.3 && sampling.topK == 5 && sampling.topP == 0.5 && sampling.minP == 0.1)
        #expect(sampling.repeatPenalty == 1.1 && sampling.presencePenalty == -0.5 && sampling.frequencyPenalty == 0.25)
        #expect(request.maximumTokens == 7 && sampling.seed == .max && request.stops == ["END OF IT"])
        #expect(request.stopTokens == [5, 7] && ChatSetting.list(request).hasSuffix("stop_token 5 7"))
        #expect(sampling.logitBias == [LogitBias(token: 5, bias: -1.5), LogitBias(token: 6, bias: 2)])
        #expect(ChatSetting.list(request).hasPrefix("temperature 0.3, top_k 5, "))
        let before = request
        for wrong in [
            "temperature -1", "temperature much", "top_p 2", "heat 3", "temperature", "seed -1", "max_tokens 0", "",
            "stop_token x", "stop_token -1", "stop_token 5 99999999999",
        ] {
            #expect(throws: TandemError.self) { try ChatSetting.change(&request, by: wrong) }
        }
        #expect(request == before)
        try ChatSetting.change(&request, by: "temperature default")
        #expect(request.sampling.temperature == nil)
    }

    @Test("Who misspells a command or a setting is told what looks like it")
    func suggestions() {
        #expect(
            ChatInstruction.complaint(aboutUnknown: "/sytem") == "there is no command /sytem. Did you mean /system?")
        #expect(ChatInstruction.complaint(aboutUnknown: "/Help").hasSuffix("Did you mean /help?"))
        #expect(ChatInstruction.complaint(aboutUnknown: "/xyzzy") == "there is no command /xyzzy; /help lists them")
        var request = GenerationRequest(prompt: .messages([]))
        for (name, hint) in [("temprature", "did you mean temperature?"), ("heat", "temperature, top_k, ")] {
            let error = #expect(throws: TandemError.self) { try ChatSetting.change(&request, by: name + " 1") }
            #expect(error?.hint.map { "\($0)".hasPrefix(hint) } == true, "\(String(describing: error))")
        }
    }

    @Test("Turns are taken back one by one, and what was dropped is not sent again but kept")
    func turns() {
        var conversation = Conversation([ChatMessage(role: .system, content: "s")])
        #expect(conversation.undo() == nil)
        conversation.add("one", answer: "1", reasoning: nil, dropped: 0)
        conversation.add("two", answer: "2", reasoning: "hm", dropped: 2)
        #expect(conversation.asking("three").map(\.content) == ["s", "two", "2", "three"])
        #expect(conversation.messages.map(\.content) == ["s", "one", "1", "two", "2"])
        #expect(conversation.undo() == "two" && conversation.asking("x").map(\.content) == ["s", "one", "1", "x"])
        conversation.reset()
        #expect(conversation.messages.map(\.content) == ["s"])
    }

    @Test("Messages come back from the JSON they were written as, and from what others write")
    func files() throws {
        let messages = [
            ChatMessage(role: .system, content: "s"), ChatMessage(role: .user, content: "日本\n\"x\""),
            ChatMessage(role: .assistant, content: "a", reasoning: "r"), ChatMessage(role: .tool, content: "{}"),
        ]
        let text = try MessageList.text(messages)
        #expect(try MessageList.parse(Data(text.utf8), called: "x") == messages)
        let other =
            #"{"model": "m", "messages": [{"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]}"#
        #expect(try MessageList.parse(Data(other.utf8), called: "x") == [ChatMessage(role: .system, content: "a\nb")])
    }

    @Test(
        "Files that hold no messages are refused in a sentence that names the place",
        arguments: [
            ("", "not a JSON list"), ("{}", "not a JSON list"), ("[]", "no messages"),
            ("[1]", "message 1 of x is not an object"),
            (#"[{"content": "a"}]"#, "no role"), (#"[{"role": "owner", "content": "a"}]"#, "the role owner"),
            (#"[{"role": "user"}]"#, "no content"), (#"[{"role": "user", "content": null}]"#, "no content"),
            (#"[{"role": "user", "content": [{"type": "image_url"}]}]"#, "content of image_url"),
            (#"[{"role": "assistant", "content": "", "tool_calls": [{}]}]"#, "tool_calls"),
        ])
    func refused(text: String, word: String) {
        let error = #expect(throws: TandemError.self) { try MessageList.parse(Data(text.utf8), called: "x") }
        #expect(error?.description.contains(word) == true, "\(String(describing: error))")
    }
}
