#pragma once

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

/// Changes JSON as JSON, so that what comes of it gets past the parser and to the code behind it.
class JsonMutator {
public:
    explicit JsonMutator(unsigned seed) : random_(seed) {}

    /// Changes one value, wherever it is.
    void change(boost::json::value& document) {
        std::vector<boost::json::value*> values;
        collect(document, values);
        auto& value = *values[below(values.size())];
        if (one_in(4)) value = boost::json::value{*values[below(values.size())]};
        else if (auto* text = value.if_string()) change_text(*text);
        else if (value.is_number()) value = number();
        else if (value.is_bool()) value = !value.get_bool();
        else if (auto* list = value.if_array()) change_list(*list);
        else if (auto* object = value.if_object()) drop_one(*object);
    }

    std::size_t below(std::size_t end) { return random_() % end; }
    bool one_in(std::size_t count) { return below(count) == 0; }

private:
    template <class T>
    T one_of(std::initializer_list<T> values) {
        return *(values.begin() + below(values.size()));
    }

    static void collect(boost::json::value& value, std::vector<boost::json::value*>& values) {
        values.push_back(&value);
        if (auto* list = value.if_array())
            for (auto& item : *list) collect(item, values);
        if (auto* object = value.if_object())
            for (auto& member : *object) collect(member.value(), values);
    }

    boost::json::value number() {
        constexpr auto least = std::numeric_limits<std::int64_t>::min();
        constexpr auto most = std::numeric_limits<std::int64_t>::max();
        if (one_in(6)) return one_of({-1.0, 0.0, 0.5, 1.5, 1e300, 5e-324});
        return one_of<std::int64_t>({0, 1, 2, -1, 2'147'483'647, -2'147'483'648, least, most, 1'000'000'000'000});
    }

    void change_text(boost::json::string& text) {
        if (!one_in(3)) {
            text = one_of({"", "0s", "-1ms", "1ms", "59m", "25h", "9223372036854775807ms", "-9223372036854775808ms",
                           "0 EUR", "0.0064 EUR", "9223372036.854775807 EUR", "-1 EUR", "1 USD", "0001-01-01T00:00:00Z",
                           "2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "default", "9223372036854775807B"});
            return;
        }
        std::vector<std::uint8_t> bytes(text.begin(), text.end());
        bytes.resize(text.size() + 8);
        bytes.resize(LLVMFuzzerMutate(bytes.data(), text.size(), bytes.size()));
        text.assign(reinterpret_cast<char const*>(bytes.data()), bytes.size());
    }

    void change_list(boost::json::array& list) {
        if (list.empty()) return;
        auto const at = below(list.size());
        if (one_in(2)) list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
        else list.push_back(boost::json::value{list[at]});
    }

    void drop_one(boost::json::object& object) {
        if (object.empty()) return;
        object.erase(object.begin() + static_cast<std::ptrdiff_t>(below(object.size())));
    }

    std::minstd_rand random_;
};

/// Mutates the JSON document in `data` after its first `kept` bytes; text that is not JSON as any bytes.
inline std::size_t mutate_json(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed,
                               std::size_t kept = 0) {
    JsonMutator mutator{seed};
    std::string_view const text{reinterpret_cast<char const*>(data) + kept, size - kept};
    std::error_code error;
    auto document = boost::json::parse(text, error);
    if (error || mutator.one_in(8)) return kept + LLVMFuzzerMutate(data + kept, size - kept, max_size - kept);
    for (auto changes = 1 + mutator.below(3); changes > 0; --changes) mutator.change(document);
    auto const changed = boost::json::serialize(document);
    if (kept + changed.size() > max_size) return size;
    std::memcpy(data + kept, changed.data(), changed.size());
    return kept + changed.size();
}
