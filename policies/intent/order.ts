import { OrderService } from '../../services/gen/descriptors.ts';
import { admissionsOf, admit } from './admission.ts';

/** Whom `order` lets in: users, through the gateway. */
export const orderAdmissions = admissionsOf('order', [
  admit(OrderService.methods.placeOrder, { from: ['gateway'], userScope: ['orders.write'] }),
  admit(OrderService.methods.cancelOrder, { from: ['gateway'], userScope: ['orders.write'] }),
  admit(OrderService.methods.getOrder, { from: ['gateway'], userScope: ['orders.read'] }),
]);
