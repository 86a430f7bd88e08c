// Reads an order and answers what it comes to.
function invoice(order) {
  let quantity = 0;
  let cents = 0;
  for (const item of order.items) {
    quantity += item.quantity;
    cents += item.quantity * item.cents;
  }
  return { order: order.id, customer: order.customer.name, quantity, cents };
}

export default {
  invoice,
  async fetch(request) {
    return Response.json(invoice(await request.json()));
  },
};
