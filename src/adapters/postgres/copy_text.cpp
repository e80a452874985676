#include "adapters/postgres/copy_text.hpp"

namespace rgrid::postgres {

void append_copied(std::string& to, std::string_view text) {
    while (true) {
        auto const special = text.find_first_of("\\\t\n\r");
        to += text.substr(0, special);
        if (special == std::string_view::npos) return;
        auto const found = text[special];
        to += '\\';
        to += found == '\t' ? 't' : found == '\n' ? 'n' : found == '\r' ? 'r' : found;
        text.remove_prefix(special + 1);
    }
}

}  // namespace rgrid::postgres
