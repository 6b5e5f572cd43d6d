#pragma once

#include "http/http.h"

/* The account's balance transactions: GET /v1/balance_transactions, and what tests do to them. */

http_handler sandbox_in_list_balance;
http_handler sandbox_in_change_balance;
